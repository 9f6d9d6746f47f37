"""Drills: restoring for no other reason than to see that it works."""
