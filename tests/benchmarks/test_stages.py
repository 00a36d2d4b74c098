"""The comparison of stages tells a score of the disease from one of the brightness, on generated films."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.stages import fifths_of, figures
from radiolens.data.manifest import Case


def test_a_score_of_the_brightness_fails_where_films_are_as_bright(rng: np.random.Generator) -> None:
    present = np.arange(2000) % 2 == 1
    brightness = np.clip(rng.normal(np.where(present, 90, 110), 20), 0, 255)
    assert np.bincount(fifths_of(brightness)).tolist() == [400] * 5
    cases = [
        Case(f"{number}.png", "nih", patient_id=str(number), fold=1 + number // 2 % 4, labels={"pneumonia": int(ill)})
        for number, ill in enumerate(present)
    ]
    folds = np.asarray([case.fold for case in cases])
    dark = figures(cases, -brightness, folds, brightness, "pneumonia")
    ill = figures(cases, present + rng.normal(0, 0.5, 2000), folds, brightness, "pneumonia")
    assert dark[0].estimate > 0.7
    assert dark[1].estimate < 0.6
    assert ill[1].estimate == pytest.approx(ill[0].estimate, abs=0.02)


def test_normal_films_of_another_archive_are_compared_with_the_ill_of_the_same_network() -> None:
    ill = [Case(f"{fold}.png", "nih", patient_id=f"p{fold}", fold=fold, labels={"pneumonia": 1}) for fold in (1, 2)]
    own = [Case(f"{fold}n.png", "nih", patient_id=f"n{fold}", fold=fold, labels={"pneumonia": 0}) for fold in (1, 2)]
    other = [Case(f"{number}o.png", "other", patient_id=f"o{number}", labels={"pneumonia": 0}) for number in (1, 2)]
    # Network 1 scores everything by 10 lower than network 2; each puts one of the two others above its ill film.
    cases, folds = [*ill, *own, *other, *other], np.array([1, 2, 1, 2, 1, 1, 2, 2])
    scores = np.array([1.0, 11.0, 0.0, 10.0, 0.5, 1.5, 10.5, 11.5])
    found = figures(cases, scores, folds, np.zeros(8), "pneumonia")
    assert [one.estimate for one in found] == [1.0, 1.0, 0.5]
