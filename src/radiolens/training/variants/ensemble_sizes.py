"""Lite0 at three sizes, their answers averaged."""

from __future__ import annotations

from radiolens.training.variant import Variant

__all__ = ["VARIANT"]

VARIANT = Variant("ensemble_sizes", together_with=("side_160", "side_260"))
