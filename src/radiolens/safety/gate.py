"""What the gate goes by: a setting, so apart from what needs a network."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Gate"]


class Gate(StrEnum):
    """What speaks against answering."""

    FULL = "full"
    """Header, pixels, gate network and the distance to the training pictures, as far as the bundles have them."""
    HEADER = "header"
    """Header and size alone."""
