"""Code: a git bundle of each repository with all its refs; restored by clone, proven by fsck.

A bundle is git's own file format: ``git clone shop.bundle`` opens it anywhere, without this program.
"""

from dr.components.code.component import Component
from dr.components.code.scan import scanner

__all__ = ["Component", "scanner"]
