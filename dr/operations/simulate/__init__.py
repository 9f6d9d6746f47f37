"""Disasters made on purpose, on systems that are there for it, so that they can be undone."""
