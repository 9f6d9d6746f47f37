"""``python -m deployments.prometheus``: write the files anew after a change of rules or routes."""

from __future__ import annotations

from deployments.prometheus.files import write

for path in write():
    print(path.name)
