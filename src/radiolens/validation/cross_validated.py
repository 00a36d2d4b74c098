"""What a plain head on features reaches on new patients, and what a split that ignores patients pretends it reaches."""

from __future__ import annotations

from dataclasses import dataclass

from radiolens.evaluation.intervals import Interval

__all__ = ["CrossValidated"]


@dataclass(frozen=True)
class CrossValidated:
    """A head on the features of the untouched ImageNet network, judged out of fold on the cases of one source.

    `head` is linear or nearest neighbour; `measure` is auroc (of several labels the mean of each against the rest) or
    macro_f1. `by_patient` keeps each patient in one fold, `by_image` deals the same images out regardless of patients;
    `difference` is the latter less the former. `control` is a forest on borders and brightness, split by patient (nan
    for macro_f1). `sharing` counts the images that had one of the same patient in the other half, when patients were
    ignored. `verdict` is the sentence for the reader.
    """

    question: str
    source: str
    head: str
    measure: str
    cases: int
    patients: int
    folds: int
    by_patient: Interval
    by_image: Interval
    difference: Interval
    control: Interval
    sharing: int
    verdict: str
