"""The names of a configuration backup's objects, and of what a restore leaves in its directory."""

from __future__ import annotations

TAR = "config.tar"
"""The files, by their absolute paths without the leading slash."""
ENVIRONMENT = "environment"
"""NAME="value" lines; the restored file has the same name."""
INVENTORY = "inventory.json"
"""What there is, with keyed digests; the restored file has the same name."""
FILES = "files"
"""The directory that the tar is unpacked into."""
