"""Where requests go: names, load balancers and caches, each a switch behind one protocol."""
