"""What a name or a target group leads to on one side, from the list that the operator wrote for that side. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dr.errors import ConfigurationError

OUTPUT = "terraform:"
"""What a value begins with that is to be looked up among the outputs of the applied infrastructure."""

Outputs = Mapping[str, tuple[str, ...]]


def together(modules: Mapping[str, Outputs]) -> dict[str, tuple[str, ...]]:
    """The outputs of several modules by name. One that two have stands for nothing: nobody knows which was meant.

    >>> together({"network": {"id": ("1",), "web": ("192.0.2.3",)}, "data": {"id": ("2",)}})
    {'id': (), 'web': ('192.0.2.3',)}
    """
    found: dict[str, tuple[str, ...]] = {}
    for outputs in modules.values():
        for name, values in outputs.items():
            found[name] = () if name in found else values
    return found


def values_for(setting: str, entries: Sequence[str], name: str, outputs: Outputs) -> tuple[str, ...]:
    """The values for ``name``: those meant for it alone, otherwise those meant for all.

    ``setting`` is the key that holds ``entries``, for messages. Raises ``ConfigurationError`` for an output that is
    not among ``outputs``.

    >>> values_for("dns.standby", ("192.0.2.1", "api.example.org=192.0.2.2"), "api.example.org", {})
    ('192.0.2.2',)
    >>> values_for("dns.standby", ("terraform:web",), "www.example.org", {"web": ("192.0.2.3", "192.0.2.4")})
    ('192.0.2.3', '192.0.2.4')
    """
    own, shared = [], []
    for entry in entries:
        key, equals, value = entry.partition("=")
        if not equals:
            shared.append(entry)
        elif key.strip().rstrip(".").lower() == name.rstrip(".").lower():
            own.append(value.strip())
    found = [one for value in (own or shared) for one in _resolved(setting, value, outputs)]
    return tuple(dict.fromkeys(found))


def named(entries: Sequence[str]) -> frozenset[str]:
    """The names that entries are meant for alone, as they are written."""
    return frozenset(entry.partition("=")[0].strip() for entry in entries if "=" in entry)


def outputs_named(entries: Sequence[str]) -> tuple[str, ...]:
    """The outputs that entries want to be looked up.

    >>> outputs_named(("192.0.2.1", "terraform:web", "api.example.org=terraform:api"))
    ('web', 'api')
    """
    values = (entry.rpartition("=")[2].strip() for entry in entries)
    return tuple(value.removeprefix(OUTPUT).strip() for value in values if value.startswith(OUTPUT))


def _resolved(setting: str, value: str, outputs: Outputs) -> tuple[str, ...]:
    if not value.startswith(OUTPUT):
        return (value,)
    name = value.removeprefix(OUTPUT).strip()
    if found := outputs.get(name, ()):
        return found
    if name in outputs:
        raise ConfigurationError(
            f"{setting}: more than one module of the infrastructure has an output {name!r}",
            hint="Give them names of their own, or write the address itself. Of modules that are gone, remove the "
            "outputs: infrastructure/NAME/outputs.json under the state directory.",
        )
    known = ", ".join(sorted(name for name, values in outputs.items() if values)) or "none"
    raise ConfigurationError(
        f"{setting}: the infrastructure has no output {name!r} that could be used here",
        f"outputs with text that is not sensitive: {known}",
        "Apply the infrastructure first; or correct the name of the output, or write the address itself.",
    )
