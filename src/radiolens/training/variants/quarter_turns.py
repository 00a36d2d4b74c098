"""Every picture turned by quarters beside it: the heads of one CT source lie on their side, clinics' stand upright."""

from __future__ import annotations

from radiolens.training.variant import Variant

__all__ = ["VARIANT"]

VARIANT = Variant("quarter_turns", quarter_turns=True)
