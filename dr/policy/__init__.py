"""Decisions without I/O: ``now`` is an argument, every decision carries its reason."""
