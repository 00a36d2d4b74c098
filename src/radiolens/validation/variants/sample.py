"""The pictures on which variants are compared: of the training and validation splits alone, cut by patient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from radiolens.data.case import Case, Manifest
from radiolens.data.splits import folds_by_group, group_ids, stratum
from radiolens.errors import DatasetError
from radiolens.validation.sampling import stratified_sample

__all__ = ["FOLDS", "Sample", "draw_sample"]

FOLDS = 4
"""Of each comparison: a fit on three quarters of the patients judges the last."""

_SEEN = ("train", "validation")
"""Test splits and external sources choose nothing, so they are not read."""

_NORMAL_FOLDER = "images/stroke/normal/"
"""Heads without a stroke; the CT manifest annotates no haemorrhage in them, not even as absent."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Some cases of a manifest.

    `folds` (n,) from 0 keep together what `patients` (n,) number. `stands_for` (n,) is how many cases of the same
    source and label there are for each that was drawn.
    """

    manifest: Manifest
    cases: tuple[Case, ...]
    patients: NDArray[np.intp]
    folds: NDArray[np.intp]
    stands_for: NDArray[np.float64]

    @property
    def sources(self) -> NDArray[np.str_]:
        """Return the source of each case (n,)."""
        return np.asarray([case.source for case in self.cases], str)

    @property
    def normal_heads(self) -> NDArray[np.bool_]:
        """Return which cases (n,) are CT slices of people without a stroke, in the stroke set."""
        return np.asarray([case.path.startswith(_NORMAL_FOLDER) for case in self.cases], bool)


def draw_sample(manifest: Manifest, most: int, seed: int) -> Sample:
    """Return at most `most` cases of the training and validation splits, as many of each source and label as it allows.

    Folds are the manifest's for a source that has some in these splits, since such a source may not name its patients;
    all other cases are cut by patient. Raises DatasetError if fewer than two folds hold a case.
    """
    usable = [case for case in manifest.cases if case.split in _SEEN and _asked(case)]
    cases = tuple(usable[row] for row in stratified_sample(usable, most, np.random.default_rng(seed)))
    folds = _folds(cases, seed)
    if len(np.unique(folds)) < 2:
        raise DatasetError(
            f"{manifest.file}: {len(cases)} annotated cases in the splits train and validation, which fill fewer than "
            "two folds. A comparison of variants needs more."
        )
    patients = np.unique(np.asarray(group_ids(cases), np.intp), return_inverse=True)[1]
    return Sample(manifest, cases, patients, folds, _stands_for(usable, cases))


def _asked(case: Case) -> bool:
    annotated = bool(case.possible) or any(value is not None for value in case.labels.values())
    return annotated or case.path.startswith(_NORMAL_FOLDER)


def _stands_for(usable: Sequence[Case], drawn: Sequence[Case]) -> NDArray[np.float64]:
    every, own = Counter(map(stratum, usable)), Counter(map(stratum, drawn))
    return np.asarray([every[name] / own[name] for name in map(stratum, drawn)], np.float64)


def _folds(cases: Sequence[Case], seed: int) -> NDArray[np.intp]:
    given = {case.source for case in cases if case.fold is not None and not case.patient_id}
    folds = np.full(len(cases), -1)
    for index, case in enumerate(cases):
        if case.source in given and case.fold is not None:
            folds[index] = (case.fold - 1) % FOLDS
    own = np.flatnonzero(folds < 0)
    if own.size:
        folds[own] = folds_by_group([replace(cases[row], fold=None) for row in own.tolist()], FOLDS, seed) - 1
    return folds
