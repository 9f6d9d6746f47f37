"""The record of an incident: what happened when, who decided what, and how it ended."""
