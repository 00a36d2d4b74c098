"""Cases with made-up features, for the studies that need no network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiolens.data.manifest import Case, Manifest
from radiolens.validation.controls.feature_studies import FeatureStudies, studies_of
from radiolens.validation.controls.image_features import BORDERS, BUNDLE, IMAGENET, Features
from radiolens.validation.plan import Plan
from tests.validation.scored_cases import CHEST

PLAN = Plan(seed=0, resamples=100, trees=20)


def film(
    number: int, pneumonia: int | None, source: str = "a", patient: str | None = None, split: str = "train"
) -> Case:
    """Return a film that is annotated for pneumonia only; each number is a patient unless one is named."""
    labels = {"pneumonia": pneumonia, "tuberculosis": None}
    name = f"p{number}" if patient is None else patient
    return Case(path=f"{source}/{number}.png", source=source, patient_id=name, labels=labels, split=split)


def answers_of(cases: Sequence[Case]) -> NDArray[np.float64]:
    return np.asarray([case.labels["pneumonia"] or 0 for case in cases], np.float64)


def noise(cases: Sequence[Case], width: int = 30, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=(len(cases), width))


def studied(
    folder: Path,
    cases: Sequence[Case],
    values: NDArray[np.float64],
    scored: Sequence[Case] = (),
    *,
    own: bool = True,
) -> FeatureStudies:
    """Return the studies of these features, which stand for those of both networks; borders tell nothing."""
    kinds = {BORDERS: noise(cases, 12, seed=9), IMAGENET: values}
    features = Features(tuple(cases), kinds | ({BUNDLE: values} if own else {}))
    manifest = Manifest(folder / "manifest.csv", CHEST, tuple(cases))
    return studies_of(manifest, features, {case.path for case in scored}, folder / "work", PLAN)
