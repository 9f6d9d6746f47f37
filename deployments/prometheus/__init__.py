"""Prometheus and Alertmanager: their files, written from our own rules by ``python -m deployments.prometheus``."""
