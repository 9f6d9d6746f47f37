"""The quarterly drill of the operations guide: what is measured before and after it."""
