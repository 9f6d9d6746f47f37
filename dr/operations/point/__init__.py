"""One recovery point over everything: mark the database's position, tie the backups to it, find it again."""
