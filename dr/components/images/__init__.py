"""Server images: made by the cloud, copied to another region, described in an encrypted object, tried by launching.

The images themselves stay in the cloud. What the repository holds is everything that a person needs to launch them when
nobody remembers how the servers were set up; ``docs/components/images.md`` says how.
"""

from dr.components.images.component import Component
from dr.components.images.description import scanner

__all__ = ["Component", "scanner"]
