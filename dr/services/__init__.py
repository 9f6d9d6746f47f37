"""What can be stopped, started and asked: the services of a product, each behind one protocol."""
