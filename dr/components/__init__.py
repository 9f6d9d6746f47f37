"""Everything of a product that is not its database, one file per kind behind one protocol (``protocol.py``)."""
