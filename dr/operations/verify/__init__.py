"""Verifying what is stored: reading it again, from every store, as often as the rotation asks for."""
