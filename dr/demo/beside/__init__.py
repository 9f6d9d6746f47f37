"""What the shop has beside its database: built, backed up, lost for real, brought back and compared with what it was.

One file per kind. Each builds its own in the estate's directory, or in the stand-in for Amazon's services, with values
that are made up while it is built.
"""
