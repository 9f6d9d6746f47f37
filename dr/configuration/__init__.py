"""The configuration of a protected system: every value has one origin, and every key is known.

``load`` merges explicit arguments, a Block, a file, the environment and the defaults into one typed System.
"""

from dr.configuration.layers import Layer
from dr.configuration.loading import Effective, load, system_name

__all__ = ["Effective", "Layer", "load", "system_name"]
