"""Records that describe backups, and the names they are stored under. No I/O in here."""
