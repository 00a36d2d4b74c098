"""Prediction sets in a bundle: what is stored, what serving makes of it, and that crepes makes the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crepes import WrapClassifier
from numpy.typing import NDArray

from radiolens.bundle import read_bundle, write_bundle
from radiolens.errors import BundleError
from radiolens.evaluation.conformal import ConformalSets, answers_of
from radiolens.image import Image, Source, Unit
from radiolens.inference.engine import Engine
from radiolens.inference.predict import Predictor
from radiolens.inference.record import record
from radiolens.inference.set_file import PATIENTS, SET_ARRAYS, set_arrays
from radiolens.prediction import Presence
from radiolens.profile import Profile
from radiolens.tasks import get_task
from tests.phantoms import chest_film
from tests.tiny_bundle import make_bundle

PRESENT, ABSENT, INDETERMINATE = Presence.PRESENT, Presence.ABSENT, Presence.INDETERMINATE


class Answered:
    """A classifier of scikit-learn's kind that gives the probabilities it is asked with."""

    def __init__(self, count: int) -> None:
        self.classes_ = np.arange(count)

    def predict_proba(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        return probabilities


def films(count: int) -> list[Image]:
    """Return films so different that the tiny network answers all over its range."""
    random = np.random.default_rng(0)
    pixels = [chest_film(64, 64, seed) ** float(np.exp(random.uniform(-2, 2))) for seed in range(count)]
    return [Image((part * random.random())[None], Unit.UNIT_INTERVAL, Source("png")) for part in pixels]


def calibrated(task: str, probabilities: NDArray[np.float64], truth: NDArray[np.bool_]) -> ConformalSets:
    asked = get_task(task)
    sources = ["clinic", "practice"] * (len(truth) // 2)
    return ConformalSets.calibrated(
        asked.label_names, probabilities, truth, sources, exclusive=asked.exclusive, patients=range(len(truth))
    )


def scores_around(folder: Path, task: str, images: list[Image]) -> NDArray[np.float64]:
    """Return what a bundle without sets answers (n, labels)."""
    make_bundle(folder, task)
    predictor = Predictor.open([folder])
    found = (predictor.predict_image(image, task, explain=False).findings for image in images)
    return np.asarray([[finding.probability for finding in findings] for findings in found])


def test_the_answers_served_hold_the_sets_of_crepes(tmp_path: Path) -> None:
    images = films(40)
    told = scores_around(tmp_path / "plain", "brain-mri", images)
    truth = np.arange(40) % 4
    sets = calibrated("brain-mri", told, np.eye(4, dtype=bool)[truth])
    make_bundle(tmp_path / "sets", "brain-mri", sets=sets)
    theirs = WrapClassifier(Answered(4))
    theirs.calibrate(told, truth, class_cond=True)
    new = films(80)[40:]
    predictor = Predictor.open([tmp_path / "sets"])
    names = get_task("brain-mri").label_names
    found = [predictor.predict_image(image, "brain-mri", explain=False) for image in new]
    asked = np.asarray([[finding.probability for finding in answer.findings] for answer in found])
    # Ten cases of a label: 1/11 and 2/11 are the p-values next to 0.1, so that none lies on the edge.
    expected = theirs.predict_set(asked, confidence=0.9, smoothing=False)
    assert [answer.prediction_set for answer in found] == [tuple(names[label] for label in row) for row in expected]
    assert len({answer.prediction_set for answer in found}) > 1


def test_findings_are_decided_by_threshold_and_set_and_listed_where_they_may_be_present(tmp_path: Path) -> None:
    images = films(60)
    told = scores_around(tmp_path / "plain", "chest-xray", images)
    cut = np.median(told, axis=0)
    # Present cases lie in the upper two thirds and absent ones in the lower two: both are possible between.
    order = told.argsort(axis=0).argsort(axis=0)
    upper, lower = order >= 20, order < 40
    truth = np.stack([lower[:, 0], upper[:, 0], lower[:, 1], upper[:, 1]], axis=1)
    sets = calibrated("chest-xray", told, truth)
    thresholds = dict(zip(("pneumonia", "tuberculosis"), cut.tolist(), strict=True))
    make_bundle(tmp_path / "sets", "chest-xray", sets=sets, thresholds=thresholds)
    predictor = Predictor.open([tmp_path / "sets"])
    seen = set()
    for image in images:
        answer = predictor.predict_image(image, "chest-xray", explain=False)
        possible = sets.possible({finding.label: finding.probability for finding in answer.findings})
        assert answer.prediction_set == tuple(label for label, left in possible.items() if PRESENT in left)
        for finding in answer.findings:
            by_threshold = PRESENT if finding.probability >= finding.threshold else ABSENT
            agreed = possible[finding.label] == {by_threshold}
            assert finding.presence is (by_threshold if agreed else INDETERMINATE)
            seen.add(finding.presence)
        assert record("a.png", answer)["prediction_set"] == list(answer.prediction_set)
    assert seen == set(Presence)


def test_each_slice_of_a_volume_has_a_set_of_its_own(tmp_path: Path) -> None:
    images = films(40)
    told = scores_around(tmp_path / "plain", "brain-mri", images)
    sets = calibrated("brain-mri", told, np.eye(4, dtype=bool)[np.arange(40) % 4])
    make_bundle(tmp_path / "sets", "brain-mri", sets=sets)
    predictor = Predictor.open([tmp_path / "sets"])
    others = films(46)[40:]  # an image of the calibration lies on an edge, which rounding within a batch may cross
    pixels = np.concatenate([image.pixels for image in others])
    volume = Image(pixels, Unit.UNIT_INTERVAL, Source("nifti"), slice_indices=tuple(range(6)), slice_count=6)
    answer = predictor.predict_image(volume, "brain-mri", explain=False)
    alone = [predictor.predict_image(image, "brain-mri", explain=False).findings for image in others]
    assert [[entry.presence for entry in part.findings] for part in answer.slices] == [
        [entry.presence for entry in findings] for findings in alone
    ]


def test_a_site_decides_how_sure_the_one_label_of_a_set_must_be(tmp_path: Path) -> None:
    images = films(20)
    # Every calibration case had 0.4, so that a label is in the set from there on.
    sets = calibrated("brain-mri", np.full((80, 4), 0.4), np.eye(4, dtype=bool)[np.arange(80) % 4])
    folder = make_bundle(tmp_path, "brain-mri", sets=sets)
    plain = Predictor.open([tmp_path])
    answers = [plain.predict_image(image, "brain-mri", explain=False) for image in images]
    one = next(number for number, answer in enumerate(answers) if len(answer.prediction_set) == 1)
    (label,) = answers[one].prediction_set
    assert answers[one].finding(label).presence is PRESENT
    profile = Profile("here", read_bundle(folder).sha256, {label: 1.0}, "the highest there is")
    held_back = plain.with_profile(profile).predict_image(images[one], "brain-mri", explain=False)
    assert held_back.finding(label).presence is INDETERMINATE
    assert held_back.prediction_set == (label,)


def test_a_bundle_without_sets_lists_nothing_and_decides_by_threshold(tmp_path: Path) -> None:
    make_bundle(tmp_path)
    answer = Predictor.open([tmp_path]).predict_image(films(1)[0], "chest-xray")
    assert answer.prediction_set == ()
    assert all(finding.presence is not INDETERMINATE for finding in answer.findings)


@pytest.mark.parametrize("task", ["chest-xray", "brain-mri"])
def test_stored_scores_are_read_as_they_were_written(task: str, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    labels = get_task(task).label_names
    truth = random.random((30, len(answers_of(labels, exclusive=get_task(task).exclusive)))) < 0.4
    truth[:, 0] = False  # an answer without a case keeps its place
    sets = calibrated(task, random.random((30, len(labels))), truth)
    read = Engine.open(make_bundle(tmp_path, task, sets=sets)).sets
    assert read is not None
    assert (read.coverage, read.exclusive, read.answers) == (0.9, sets.exclusive, sets.answers)
    assert read.confidence == sets.confidence == 0.0
    for answer, by_source in sets.scores.items():
        assert read.scores[answer].keys() == by_source.keys()
        for source, scores in by_source.items():
            np.testing.assert_array_equal(read.scores[answer][source].values, scores.values)
            np.testing.assert_array_equal(read.scores[answer][source].patients, scores.patients)


def test_sets_that_were_made_with_a_confidence_are_read_with_it(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    truth = random.random((200, 4)) < 0.4
    sets = replace(calibrated("chest-xray", random.random((200, 2)), truth), confidence=0.9)
    read = Engine.open(make_bundle(tmp_path, sets=sets)).sets
    assert read is not None
    assert read.confidence == 0.9
    asked = random.random((300, 2))
    np.testing.assert_array_equal(read.included(asked), sets.included(asked))
    assert read.included(asked).sum() > replace(sets, confidence=0.0).included(asked).sum()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"set_score": np.asarray([0.5])}, "the columns of the prediction sets differ"),
        ({"set_score": np.asarray([0.5, 1.5])}, "a score of the prediction sets is not 0 to 1"),
        ({"set_score": np.asarray([0.5, np.nan])}, "a score of the prediction sets is not 0 to 1"),
        ({"set_label": np.asarray(["pneumonia", "glioma"])}, r"scores of \('glioma', 'present'\), which is no answer"),
        ({"set_source": None}, "set_source"),
        ({"set_patient": np.arange(3)}, "the columns of the prediction sets differ"),
    ],
)
def test_scores_that_do_not_fit_are_refused_when_the_bundle_is_opened(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    truth = np.asarray([[False, True, False, False], [True, False, False, False]])
    folder = make_bundle(tmp_path, sets=calibrated("chest-xray", np.full((2, 2), 0.5), truth))
    with np.load(folder / "reference.npz") as content:
        arrays = {name: value for name, value in (dict(content) | changes).items() if value is not None}
    np.savez(folder / "reference.npz", **arrays)
    write_bundle(read_bundle(folder, verify=False).bundle, folder)
    with pytest.raises(BundleError, match=rf"{message}.*Export the bundle again"):
        Engine.open(folder)


def test_without_patients_each_case_is_one(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    sets = calibrated("chest-xray", random.random((30, 2)), random.random((30, 4)) < 0.4)
    folder = make_bundle(tmp_path, sets=sets)
    with np.load(folder / "reference.npz") as content:
        arrays = {name: value for name, value in content.items() if name != PATIENTS}
    np.savez(folder / "reference.npz", **arrays)
    write_bundle(read_bundle(folder, verify=False).bundle, folder)
    asked = random.random((20, 2))
    read = Engine.open(folder).sets
    assert read is not None
    np.testing.assert_array_equal(read.p_values(asked), sets.p_values(asked))


def test_the_columns_are_arrays_that_need_no_pickle() -> None:
    empty = ConformalSets.calibrated(("pneumonia",), np.zeros((0, 1)), np.zeros((0, 2), bool), [], exclusive=False)
    columns = set_arrays(empty)
    assert tuple(columns) == (*SET_ARRAYS, PATIENTS)
    assert all(column.shape == (0,) and column.dtype != object for column in columns.values())
