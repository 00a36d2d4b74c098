"""Variants of the training recipes, a file each, headed by what it does. docs/variants.md compares them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence

from radiolens.errors import DatasetError
from radiolens.training.variant import Variant

__all__ = ["PLAIN", "known_variants", "load_variant"]

PLAIN = "plain"
"""What every other variant is compared with."""


def known_variants() -> Sequence[str]:
    """Return the names of all variants, the plain one first."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return [PLAIN, *(name for name in names if name != PLAIN)]


def load_variant(name: str) -> Variant:
    """Return a variant by its name; raise DatasetError, which lists the known names."""
    if name not in known_variants():
        raise DatasetError(f"Unknown variant {name!r}. Known: {', '.join(known_variants())}.")
    variant: Variant = importlib.import_module(f"{__name__}.{name}").VARIANT
    return variant
