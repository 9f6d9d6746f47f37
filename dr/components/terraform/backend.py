"""Where a module keeps its state: read from its code, or from what ``init`` has noted beside it. Pure.

Only what says where the state is gets out of here; keys and tokens of a backend do not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from dr.secret import Secret

LOCAL = "local"
_TOLD = (
    "bucket", "key", "prefix", "region", "workspace_key_prefix", "path", "workspace_dir", "organization", "hostname",
    "container_name", "storage_account_name", "resource_group_name", "schema_name", "secret_suffix", "namespace",
)  # fmt: skip
_READ = (*_TOLD, "access_key", "profile", "endpoint", "endpoints.s3", "use_lockfile")
_NOISE = re.compile(r'"(?:\\.|[^"\\\n])*"|#[^\n]*|//[^\n]*|/\*.*?\*/', re.DOTALL)
_BLOCK = re.compile(r'\bbackend\s+"(?P<type>[\w-]+)"\s*\{(?P<body>[^{}]*)|\b(?P<cloud>cloud)\s*\{')
_ATTRIBUTE = re.compile(r'^\s*(?P<name>\w+)\s*=\s*"(?P<value>(?:\\.|[^"\\])*)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Backend:
    """``kind`` is Terraform's name of it: ``local``, ``s3``, ``cloud``. ``values`` are texts of its configuration.

    ``secret_key`` is S3's, where somebody has written it there; no other secret is read.
    """

    kind: str = LOCAL
    values: Mapping[str, str] = field(default_factory=dict)
    secret_key: Secret | None = None

    @property
    def local(self) -> bool:
        return self.kind == LOCAL

    def described(self) -> str:
        """For people: ``s3 bucket=states key=shop/terraform.tfstate``."""
        return " ".join([self.kind, *(f"{name}={self.values[name]}" for name in _TOLD if self.values.get(name))])


def written_backend(files: Mapping[str, str]) -> Backend:
    """The backend that a module's files name; ``files`` are those of its own directory. Local when none does."""
    found = Backend()
    for name in sorted(files, key=lambda name: (_overrides(name), name)):
        if name.endswith((".tf.json", ".tofu.json")):
            found = _from_json(files[name]) or found
        elif name.endswith((".tf", ".tofu")):
            found = _from_hcl(files[name]) or found
    return found


def noted_backend(data: bytes) -> Backend | None:
    """The backend in ``.terraform/terraform.tfstate``; None when it names none."""
    try:
        noted = json.loads(data)["backend"]
        return _backend(str(noted["type"]), _texts(noted["config"] or {}))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _overrides(name: str) -> bool:
    """Whether Terraform reads this file after all the others."""
    stem = name.split(".")[0]
    return stem == "override" or stem.endswith("_override")


def _from_hcl(text: str) -> Backend | None:
    bare = _NOISE.sub(lambda found: found[0] if found[0].startswith('"') else " ", text)
    match = _BLOCK.search(bare)
    if match is None:
        return None
    if match["cloud"]:
        return Backend("cloud")
    return _backend(match["type"], {item["name"]: item["value"] for item in _ATTRIBUTE.finditer(match["body"])})


def _from_json(text: str) -> Backend | None:
    try:
        block = json.loads(text)["terraform"]
        blocks = block if isinstance(block, list) else [block]
        for one in blocks:
            if "cloud" in one:
                return Backend("cloud")
            backends = one.get("backend", {})
            for kind, values in (backends[0] if isinstance(backends, list) else backends).items():
                return _backend(kind, _texts(values[0] if isinstance(values, list) else values))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None
    return None


def _backend(kind: str, values: Mapping[str, str]) -> Backend:
    secret = values.get("secret_key")
    kept = {name: value for name, value in values.items() if name in _READ}
    return Backend(kind, kept, Secret(secret) if secret else None)


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    """Texts and flags, those within an object by both names: ``endpoints.s3``."""
    found: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, str):
            found[name] = value
        elif isinstance(value, bool):
            found[name] = str(value).lower()
        elif isinstance(value, dict):
            found |= {f"{name}.{inner}": text for inner, text in _texts(value).items()}
    return found
