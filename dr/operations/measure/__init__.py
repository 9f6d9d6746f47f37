"""Measure a system for monitoring: everything is read from its stores and this host, nothing is remembered."""
