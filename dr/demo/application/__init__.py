"""The shop's application: a small HTTP server in a process of its own, as real as procedures need it.

It says that it is healthy when PostgreSQL and Redis have really answered, knows sessions, and acknowledges an order
when the server has committed it.
"""
