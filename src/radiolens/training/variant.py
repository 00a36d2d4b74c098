"""One change of a training recipe whose worth is to be judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from radiolens.training.config import UNCHANGED, Augmentation, Experiment
from radiolens.training.harmonise import Harmonisation

__all__ = ["Head", "Variant", "augmenting_only", "unchanged"]


class Head(StrEnum):
    """How the last layer is fitted on features."""

    LINEAR = "linear"
    """Logistic regression; the groups of the experiment weigh the same."""
    GROUP_ROBUST = "group robust"
    """The same, but groups weigh more the worse they are fitted (group DRO)."""
    SOURCE_BLIND = "source blind"
    """The same on features from which no linear head can tell the source, as a source-adversarial loss wants them."""


def unchanged(experiment: Experiment) -> Experiment:
    """Return the experiment as it is."""
    return experiment


def augmenting_only(*names: str) -> Callable[[Experiment], Experiment]:
    """Return the change that leaves of the usual augmentation only the values of these names."""
    usual = Augmentation()
    only = replace(UNCHANGED, **{name: getattr(usual, name) for name in names})
    return lambda experiment: replace(experiment, augmentation=only)


@dataclass(frozen=True)
class Variant:
    """What is done otherwise than in the plain recipe.

    `change` makes the experiment that `radiolens train` would run: its backbone, preprocessing, augmentation, `masked`,
    `assumed_absent` and `group_by` are used. `harmonise` is applied in turn to each picture before it is resized.
    `augmented_copies` of each picture are fitted on beside it, and with `quarter_turns` the picture turned by 90, 180
    and 270 degrees. `mirrored` averages a picture's answer with that of its mirror image. `together_with` names other
    variants, whose log probabilities are averaged with this one's.
    """

    name: str
    change: Callable[[Experiment], Experiment] = unchanged
    harmonise: tuple[Harmonisation, ...] = ()
    augmented_copies: int = 0
    quarter_turns: bool = False
    mirrored: bool = False
    head: Head = Head.LINEAR
    together_with: tuple[str, ...] = ()
