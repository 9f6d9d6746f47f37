"""Write docs/configuration.md from the declared settings, so that the page cannot lag behind the program.

``python tools/configuration_page.py`` writes it; a unit test compares.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dr.configuration.environment import VARIABLES
from dr.configuration.settings import SETTINGS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "configuration.md"

HEAD = """# Configuration

One protected system is described by the settings below. They come in layers, and the first that has a value wins:
explicit argument, Block in Prefect, file, environment, default. `dr config show` prints every value in effect with the
place it comes from; secrets are masked there and everywhere else.

A misspelt key is an error that names the nearest known one. A retention or an objective can be changed, never emptied.

## A file

`dr.toml` in the current directory, `/etc/coreflow360-dr/dr.toml`, or wherever `DR_CONFIG` (`--config`) points:

```toml
[system.shop.postgres]
url_file = "/run/secrets/shop_database_url"     # a secret is best given by reference: a file, or ..._env = "VARIABLE"

[system.shop.encryption]
recipients = ["<the key's full fingerprint>"]

[system.shop.stores.local]
kind = "local"
path = "backups"                                # relative to this file

[system.shop.stores.cloud]
kind = "s3"
bucket = "shop-backups"
region = "eu-central-1"
storage_class = "STANDARD_IA"

[system.shop.retention]
local_days = 7
```

A file that holds a secret itself must be readable by its owner alone (`chmod 600`).

## Settings

`*` is the name of a store or a service, chosen by you. Settings marked *secret* may also be given as `..._file` or
`..._env`.

| setting | default | environment | meaning |
|---|---|---|---|
"""

TAIL = """
`DR_SYSTEM` names the system when no argument does, `DR_RUNNER` (`plain` or `prefect`) chooses the runner. Every secret
variable may be given as `<VARIABLE>_FILE` instead. `AWS_BACKUP_BUCKET` makes a store named `cloud`.

A local store whose disk is not mounted looks like a new, empty one. This host remembers (in its state directory) which
directories it has used: one that lost all of a system is refused, by name, while backups go on into the other stores.
Mount the disk; or, if it was emptied on purpose, say so: `dr store begin-anew NAME`.
"""


def render() -> str:
    """The whole page."""
    variables: dict[str, list[str]] = {}
    for variable, key in VARIABLES.items():
        variables.setdefault(_pattern(key), []).append(f"`{variable}`")
    rows = []
    for setting in SETTINGS:
        names = ", ".join(variables.get(setting.key, []))
        secret = " *(secret)*" if setting.secret else ""
        rows.append(f"| `{setting.key}` | {setting.default or ''} | {names} | {setting.description}{secret} |")
    return HEAD + "\n".join(rows) + "\n" + TAIL


def _pattern(key: str) -> str:
    parts = key.split(".")
    return f"stores.*.{parts[2]}" if parts[0] == "stores" else key


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    sys.stderr.write(f"wrote {PAGE.name}\n")
