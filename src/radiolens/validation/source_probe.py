"""Which source is it? What the images tell of where they come from, and the source of the answer."""

from __future__ import annotations

from dataclasses import dataclass

from radiolens.evaluation.intervals import Interval

__all__ = ["SourceAnswer", "SourceProbe", "SourceRecognition", "SourceShare"]


@dataclass(frozen=True)
class SourceRecognition:
    """How well a linear classifier on one kind of features names the source of an image, out of fold by patient.

    `within` says which cases: all, or those of one answer to one question, where the finding itself cannot give the
    source away. `chance` is the balanced accuracy of guessing, one over the number of sources.
    """

    features: str
    within: str
    sources: tuple[str, ...]
    cases: int
    patients: int
    chance: float
    balanced_accuracy: Interval


@dataclass(frozen=True)
class SourceShare:
    """How many cases of a source answer a question yes and no."""

    source: str
    positives: int
    negatives: int


@dataclass(frozen=True)
class SourceAnswer:
    """What the name of the source alone tells of the answer to a question, and what follows for every result.

    `auroc` ranks each case by the share of positives of its source. `exposed` means that the images tell the source and
    the source tells the answer; then an AUROC over the sources shows little. `verdict` is the sentence for the reader.
    """

    question: str
    shares: tuple[SourceShare, ...]
    auroc: Interval
    exposed: bool
    verdict: str


@dataclass(frozen=True)
class SourceProbe:
    """The probe on all kinds of features, and the verdict on every question that several sources answer."""

    recognitions: tuple[SourceRecognition, ...]
    answers: tuple[SourceAnswer, ...]
