"""Environment configuration: its files and variables, and what changed between two backups of them."""

from dr.components.config.component import Component, scanner

__all__ = ["Component", "scanner"]
