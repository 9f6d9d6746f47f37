"""What is kept as proof: phases with their seconds, reports."""
