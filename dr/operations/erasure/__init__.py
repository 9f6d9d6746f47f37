"""Forgetting people, and forgetting them again after a restore (I32)."""
