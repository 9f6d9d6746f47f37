"""Which addresses of services are safe to speak to: nothing secret travels in the clear beyond this machine."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from dr.errors import ConfigurationError


def check_endpoint(setting: str, url: str) -> None:
    """Raises ConfigurationError unless ``url``, which ``setting`` gave, is https, or http to this machine."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"{setting} is not an http(s) address", hint="Write it as https://host[:port].")
    if parts.username or parts.password:
        raise ConfigurationError(
            f"{setting} holds credentials", hint="Put them into settings of their own, where messages never show them."
        )
    if parts.scheme == "http" and not is_loopback(url):
        raise ConfigurationError(
            f"{setting}: plain http to another machine is refused",
            f"it is {url}",
            "Use https://; plain http is for endpoints on this machine only (127.0.0.0/8, ::1, localhost).",
        )


def is_loopback(url: str) -> bool:
    """Whether an address means this machine.

    >>> is_loopback("http://127.0.0.1:8200"), is_loopback("https://vault.example.org")
    (True, False)
    """
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
