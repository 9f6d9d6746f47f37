"""Drills of components: a copy is restored where nobody uses it, asked, measured, judged, and removed."""
