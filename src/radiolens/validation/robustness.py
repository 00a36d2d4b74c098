"""Robustness curves: what becomes of a bundle's answers when its images get worse, step by step."""

from __future__ import annotations

from dataclasses import dataclass

from radiolens.evaluation.intervals import Interval

__all__ = ["Level", "Robustness"]


@dataclass(frozen=True)
class Level:
    """One question on images that were all changed by `value`, in the unit of the curve.

    `auroc_change` is the AUROC less that of the unchanged images, on the same cases. `sensitivity` and `specificity`
    are at the bundle's threshold; `changed` is the share of decisions that differ from those on the unchanged images.
    What too few cases tell is nan.
    """

    value: float
    auroc: Interval
    auroc_change: Interval
    sensitivity: Interval
    specificity: Interval
    changed: Interval


@dataclass(frozen=True)
class Robustness:
    """One curve: one question and one way in which images get worse.

    `corruption` is its name, for instance "noise"; `unit` says what the values are. `levels` begin with the unchanged
    images, at the value where the change does nothing. All are of the same `positives` + `negatives` cases, of
    `patients` groups, drawn with every source and answer alike: compare levels, not this sample with the whole test.
    """

    question: str
    corruption: str
    unit: str
    threshold: float
    positives: int
    negatives: int
    patients: int
    levels: tuple[Level, ...]
