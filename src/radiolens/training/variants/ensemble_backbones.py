"""Lite0 and Lite2, their answers averaged."""

from __future__ import annotations

from radiolens.training.variant import Variant

__all__ = ["VARIANT"]

VARIANT = Variant("ensemble_backbones", together_with=("lite2_260",))
