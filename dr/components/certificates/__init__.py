"""SSL certificates: found, renewed when due, proven to belong to their keys, backed up together."""

from dr.components.certificates.component import Component, scanner

__all__ = ["Component", "scanner"]
