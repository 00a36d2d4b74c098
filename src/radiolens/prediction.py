"""The answer of a bundle to an image, decided once: every view of it only renders it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from radiolens.quality import Quality

__all__ = [
    "BundleIdentity",
    "Explanation",
    "Finding",
    "Prediction",
    "Presence",
    "SliceFindings",
    "decide",
    "possibly_present",
]


class Presence(StrEnum):
    """The decision on one label."""

    PRESENT = "present"
    ABSENT = "absent"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True)
class Finding:
    """One label of the answer: probability (0 to 1), the threshold it was decided by, the decision.

    The probability is calibrated, unless the bundle that answered is not: then it is a mere score.
    """

    label: str
    probability: float
    threshold: float
    presence: Presence


@dataclass(frozen=True)
class SliceFindings:
    """The findings of one slice of a volume; `index` counts from 0 in the whole volume."""

    index: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class BundleIdentity:
    """Which network answered; `sha256` is that of its bundle.json.

    `calibrated` is false for a network that was imported: its probabilities are scores.
    """

    name: str
    version: str
    sha256: str
    calibrated: bool = True


@dataclass(frozen=True, eq=False)
class Explanation:
    """Where the network looked, on one slice.

    `maps` holds for each label a float32 array (rows, columns), negative values cut to 0. What it tells depends on
    `method`, that of the bundle: in a class activation map the part of the label's logit that each place of the last
    feature map contributed; in an occlusion map how far the label's log-odds fall if the place is hidden. `extent` is
    the part of the slice the network saw as (top, left, bottom, right) in pixels. `slice_index` counts from 0 in the
    whole volume.
    """

    method: str
    maps: Mapping[str, NDArray[np.float32]]
    extent: tuple[float, float, float, float]
    slice_index: int


@dataclass(frozen=True, eq=False)
class Prediction:
    """What was answered, or why it was not: refused if `quality` holds problems, then without findings.

    `task` and `bundle` are None where none could be chosen. `prediction_set` names the labels that may be
    present by the bundle's prediction set, and is empty where the bundle has none.
    `slices` is filled for volumes only. `seconds` is the time from bytes to answer.
    """

    task: str | None
    bundle: BundleIdentity | None
    findings: tuple[Finding, ...] = ()
    prediction_set: tuple[str, ...] = ()
    slices: tuple[SliceFindings, ...] = ()
    quality: Quality = Quality()
    explanation: Explanation | None = None
    seconds: float = 0.0
    created: datetime = datetime.fromtimestamp(0, UTC)

    @property
    def answered(self) -> bool:
        """Say whether there is an answer."""
        return bool(self.findings)

    def finding(self, label: str) -> Finding:
        """Return the finding of this label; raise KeyError if there is none."""
        for finding in self.findings:
            if finding.label == label:
                return finding
        raise KeyError(label)


def possibly_present(possible: Mapping[str, Set[Presence]]) -> tuple[str, ...]:
    """Return the labels that may be present by a prediction set: what an answer lists of it (docs/contracts.md)."""
    return tuple(label for label, left in possible.items() if Presence.PRESENT in left)


def decide(
    probabilities: Mapping[str, float],
    thresholds: Mapping[str, float],
    *,
    exclusive: bool,
    possible: Mapping[str, Set[Presence]] | None = None,
    binding: Collection[str] = (),
) -> tuple[Finding, ...]:
    """Turn probabilities into findings, joined by label name: by threshold, and by a prediction set where there is one.

    Independent findings are present from their threshold on. Of exclusive labels only the most probable can be
    present; below its threshold it is indeterminate, since one of the labels must hold but none is likely enough.

    `possible` holds for each label the decisions that the prediction set leaves open (`conformal.ConformalSets`). A
    finding of which it leaves both or none open is indeterminate, and so is an independent one that its threshold
    decides otherwise. The set of an exclusive task decides without thresholds, but for the labels in `binding`, whose
    thresholds a site has chosen: below its own such a label is not present, but indeterminate. Raises KeyError if a
    label has no threshold, or is not in `possible`.
    """
    likeliest = max(probabilities, key=lambda label: probabilities[label])

    def by_threshold(label: str) -> Presence:
        reached = probabilities[label] >= thresholds[label]
        if not exclusive:
            return Presence.PRESENT if reached else Presence.ABSENT
        if label != likeliest:
            return Presence.ABSENT
        return Presence.PRESENT if reached else Presence.INDETERMINATE

    def presence(label: str) -> Presence:
        if possible is None:
            return by_threshold(label)
        if len(possible[label]) != 1:
            return Presence.INDETERMINATE
        (left,) = possible[label]
        if not exclusive:
            return left if left is by_threshold(label) else Presence.INDETERMINATE
        held_back = label in binding and probabilities[label] < thresholds[label]
        return Presence.INDETERMINATE if held_back and left is Presence.PRESENT else left

    return tuple(
        Finding(label, probability, thresholds[label], presence(label)) for label, probability in probabilities.items()
    )
