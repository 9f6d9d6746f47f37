"""A plain command as a service: a supervisor of our own keeps it running, for products that have no service manager."""

from dr.services.process.driver import ProcessService

__all__ = ["ProcessService"]
