"""Two regions, one cluster: who is in charge, how the other is kept from writing, how it takes over and goes back."""
