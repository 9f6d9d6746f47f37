"""``python -m tools.dashboards``: write the dashboards anew after a change of pages or metrics."""

from __future__ import annotations

from pathlib import Path

from tools.dashboards.build import document
from tools.dashboards.pages import PAGES

HERE = Path(__file__).resolve().parents[2] / "deployments" / "grafana"

if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    for page in PAGES:
        (HERE / f"{page.uid}.json").write_text(document(page), encoding="utf-8")
        print(f"{page.uid}.json")
