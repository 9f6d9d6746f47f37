"""A whole product from nothing but a repository, a key and a configuration: what its steps do, one file each."""
