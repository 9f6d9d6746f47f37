"""Comparisons with the usual tools, in one run on one database, that anybody can repeat."""
