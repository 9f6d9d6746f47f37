"""Everything that decides where requests go: names, load balancers, caches. One file per provider."""
