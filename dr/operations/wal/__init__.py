"""WAL on its way: from the server into the stores, and from there into a recovery. One verb per file."""
