"""Secrets, with their values: from AWS Secrets Manager, HashiCorp Vault or OpenBao, and files.

A backup of secrets that holds asterisks restores nothing (I21), so values are stored as they are, in an encrypted
object, with an encrypted index of their hashes; the manifest holds counts only, and no message ever a value.
"""

from dr.components.secrets.component import Component
from dr.components.secrets.scanners import scanner

__all__ = ["Component", "scanner"]
