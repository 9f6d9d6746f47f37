"""S3 endpoints on loopback for tests: real ones in processes of their own, and one that lies."""
