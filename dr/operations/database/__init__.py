"""The database playbook: look at the damage, copy what is left, and bring a good copy into production's own place."""
