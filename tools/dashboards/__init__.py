"""Grafana's dashboards as code: ``python -m tools.dashboards`` writes deployments/grafana/*.json."""
