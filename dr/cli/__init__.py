"""The command line: the only part of ``dr`` that prints and exits. It asks, starts the flows, and shows the result."""
