"""Which tasks the released bundles answer, for tests that say what happens with and without one."""

from __future__ import annotations

from radiolens.bundle import RELEASED, find_bundles

__all__ = ["CT_RELEASED"]

CT_RELEASED = "brain-ct" in find_bundles([RELEASED])
"""Whether this copy of the project holds a network for head CT."""
