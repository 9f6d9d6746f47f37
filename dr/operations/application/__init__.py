"""The application as a whole: stop it, start it in order, ask whether it works, go back."""
