"""Streams that account for every stage: exit status, stderr, bytes and seconds."""
