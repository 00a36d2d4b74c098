"""Prediction sets in a bundle's reference.npz: a row for each calibration case and answer that was true of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiolens.bundle import Bundle
from radiolens.evaluation.conformal import ConformalSets, Scores, answers_of
from radiolens.prediction import Presence

__all__ = ["PATIENTS", "SET_ARRAYS", "set_arrays", "sets_of"]

SET_ARRAYS = ("set_label", "set_present", "set_source", "set_score")
"""The names of the columns (n,): a label, whether it was present, the source of the case, and the score."""

PATIENTS = "set_patient"
"""The name of a further column (n,), the patient as a number; without it each case is of a patient of its own."""


def set_arrays(sets: ConformalSets) -> Mapping[str, Any]:
    """Return the columns of the rows by name, arrays (n,): text, booleans, text, scores from 0 to 1, whole numbers."""
    rows = [
        (label, side is Presence.PRESENT, source, score, patient)
        for (label, side), by_source in sets.scores.items()
        for source, scores in by_source.items()
        for score, patient in zip(scores.values.tolist(), scores.patients.tolist(), strict=True)
    ]
    names, kinds = (*SET_ARRAYS, PATIENTS), (np.str_, np.bool_, np.str_, np.float64, np.int64)
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return MappingProxyType(
        {name: np.asarray(column, kind) for name, column, kind in zip(names, columns, kinds, strict=True)}
    )


def sets_of(
    bundle: Bundle, columns: Sequence[NDArray[Any]], patients: NDArray[np.integer[Any]] | None = None
) -> ConformalSets:
    """Return the prediction sets of a bundle from the columns in the order of SET_ARRAYS, and that of patients.

    Raises ValueError if they are not of one length, name what is no answer of the bundle, or a score is not 0 to 1.
    """
    labels, present, sources, scores = (np.asarray(column) for column in columns)
    numbers = np.arange(scores.size) if patients is None else np.asarray(patients)
    if len({column.shape for column in (labels, present, sources, scores, numbers)}) != 1 or scores.ndim != 1:
        raise ValueError(f"the columns of the prediction sets differ: {labels.shape}, {present.shape}, {scores.shape}")
    values = scores.astype(np.float64)
    if not ((values >= 0.0) & (values <= 1.0)).all():
        raise ValueError("a score of the prediction sets is not 0 to 1")
    known = answers_of(bundle.labels, exclusive=bundle.exclusive)
    sides = np.where(present.astype(bool), Presence.PRESENT, Presence.ABSENT)
    strange = set(zip(labels.tolist(), sides.tolist(), strict=True)) - {(label, str(side)) for label, side in known}
    if strange:
        raise ValueError(f"the prediction sets have scores of {min(strange)}, which is no answer of the bundle")
    return ConformalSets(
        bundle.coverage,
        bundle.exclusive,
        MappingProxyType(
            {
                (label, side): {
                    str(source): Scores(values[rows], numbers[rows].astype(np.intp))
                    for source in np.unique(sources[(labels == label) & (sides == side)])
                    for rows in ((labels == label) & (sides == side) & (sources == source),)
                }
                for label, side in known
            }
        ),
        bundle.coverage_confidence,
    )
