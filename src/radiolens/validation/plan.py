"""How a study is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from radiolens.evaluation.controls import TREES

__all__ = ["Plan"]


@dataclass(frozen=True)
class Plan:
    """How a study is made: `seed` of bootstrap and forests, `resamples` of the one, `trees` of the others.

    `settings` are facts to keep with the study.
    """

    seed: int = 0
    resamples: int = 1000
    trees: int = TREES
    settings: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
