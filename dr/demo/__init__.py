"""A production-like PostgreSQL, its users, its disaster and the questions asked afterwards, all on this machine.

Nothing in here is needed to back up or to restore. It builds what the engine is shown on: an estate (server, S3
endpoint, key pair), a data set in which everything occurs that backups like to forget, a writer under load, heap pages
overwritten on disk, and the comparison of what came back with what was committed.
"""
