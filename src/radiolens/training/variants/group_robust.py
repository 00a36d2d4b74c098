"""Groups of source and label weigh more the worse they are fitted (group DRO)."""

from __future__ import annotations

from radiolens.training.variant import Head, Variant

__all__ = ["VARIANT"]

VARIANT = Variant("group_robust", head=Head.GROUP_ROBUST)
