"""Which tasks the released bundles answer, for tests that say what happens with and without one."""

from __future__ import annotations

from radiolens.bundle import GATE, RELEASED, find_bundles

__all__ = ["CT_RELEASED", "RELEASED_NAMES"]

CT_RELEASED = "brain-ct" in find_bundles([RELEASED])
"""Whether this copy of the project holds a network for head CT."""

RELEASED_NAMES = ", ".join(sorted(set(find_bundles([RELEASED])) - {GATE}))
"""The released bundles that answer a task, as messages list them."""
