"""Telling people what is wrong: what is open, what has been said on which channel, and what could not be said yet."""
