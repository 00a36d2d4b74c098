"""Features from which no linear head tells the source, as a source-adversarial loss wants them."""

from __future__ import annotations

from radiolens.training.variant import Head, Variant

__all__ = ["VARIANT"]

VARIANT = Variant("source_blind", head=Head.SOURCE_BLIND)
