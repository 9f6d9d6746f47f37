"""Places that keep copies: a directory or an S3 bucket behind one protocol, and the lease that guards them."""
