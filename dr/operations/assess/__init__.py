"""Look at everything at once, and say how bad it is and what to run next."""
