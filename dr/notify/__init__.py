"""Telling people: one file per channel behind one protocol. Who is told what, and when, is decided above."""
