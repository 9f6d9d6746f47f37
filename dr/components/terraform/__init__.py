"""Infrastructure as code: the state of every workspace and the module that it belongs to, Terraform's or OpenTofu's.

State files and modules are stored as they are: ``terraform`` opens them anywhere, without this program. They hold
secrets, so nothing of their values is in the manifest.
"""

from dr.components.terraform.component import Component
from dr.components.terraform.scan import scanner

__all__ = ["Component", "scanner"]
