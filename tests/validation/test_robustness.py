"""Robustness curves of a tiny network on generated films: counts, sampling, resumption, and what must move."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from radiolens.data.manifest import Case, Manifest
from radiolens.inference.engine import Engine
from radiolens.tasks import get_task
from radiolens.validation.corruptions import CORRUPTIONS
from radiolens.validation.plan import Plan
from radiolens.validation.questions import Scored
from radiolens.validation.robustness import Robustness, robustness
from tests.phantoms import bright_lesion
from tests.tiny_bundle import CHANNELS, SIDE, make_bundle
from tests.validation.lesion_cases import bright_engine

PLAN = Plan(resamples=50)


def films(count: int = 60) -> tuple[Manifest, Scored]:
    """Return films of which every second shows a bright lesion, which is pneumonia; two of each patient."""
    random = np.random.default_rng(0)
    grey, cases = [], []
    for number in range(count):
        lesion, _ = bright_lesion(SIDE, SIDE, tuple(random.uniform(8, 24, 2)), 5.0, seed=number)
        plain = random.integers(0, 60, (SIDE, SIDE)).astype(np.uint8)
        plain[0, :2] = 0, 255
        sick = number // 2 % 2
        grey.append(lesion if sick else plain)
        labels = {"pneumonia": sick, "tuberculosis": None}
        cases.append(Case(f"{number}.png", "films", patient_id=str(number // 2), split="test", labels=labels))
    manifest = Manifest(Path("manifest.csv"), get_task("chest-xray"), tuple(cases))
    return manifest, Scored(manifest.cases, np.full((count, 2), np.nan), np.stack(grey))


def by_name(curves: tuple[Robustness, ...]) -> dict[str, Robustness]:
    return {curve.corruption: curve for curve in curves if curve.question == "pneumonia"}


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return bright_engine(tmp_path / "bundles")


def test_every_curve_begins_with_the_unchanged_images_and_has_each_strength(engine: Engine, tmp_path: Path) -> None:
    manifest, scored = films()
    told: list[tuple[str, int, int]] = []
    curves = robustness(engine, manifest, scored, tmp_path / "work", PLAN, lambda *step: told.append(step))
    assert told[32] == ("Worsening images", 33, 33)
    found = by_name(curves)
    assert list(found) == [change.name for change in CORRUPTIONS]
    for change in CORRUPTIONS:
        curve = found[change.name]
        assert tuple(level.value for level in curve.levels) == (change.unchanged, *change.strengths)
        assert (curve.positives, curve.negatives, curve.patients, curve.threshold) == (30, 30, 30, 0.5)
        first = curve.levels[0]
        assert first.auroc.estimate == 1.0
        assert (first.auroc_change.estimate, first.changed.estimate) == (0.0, 0.0)
        assert all(level.changed.low <= level.changed.estimate <= level.changed.high for level in curve.levels)
    tuberculosis = [curve for curve in curves if curve.question == "tuberculosis"]
    assert not tuberculosis  # no case tells the answer


def test_what_looks_like_a_lesion_changes_answers_and_what_leaves_it_does_not(engine: Engine, tmp_path: Path) -> None:
    manifest, scored = films()
    found = by_name(robustness(engine, manifest, scored, tmp_path / "work", PLAN))
    text = found["burnt-in text"].levels
    assert text[-1].changed.low > 0  # white letters are as bright as the lesion
    assert found["JPEG"].levels[1].auroc.estimate > 0.9  # a viewer hardly sees quality 75


def test_shares_and_changes_are_those_of_the_answers_counted_by_hand(engine: Engine, tmp_path: Path) -> None:
    manifest, scored = films()
    curve = by_name(robustness(engine, manifest, scored, tmp_path / "work", PLAN))["darker"]
    strongest = next(change for change in CORRUPTIONS if change.name == "darker")
    random = np.random.default_rng(0)

    def called(grey: NDArray[np.uint8]) -> NDArray[np.bool_]:
        return engine.probabilities(engine.logits(grey))[:, 0] >= 0.5

    # Black and white stay as they are, so the stretch to the full range after the change does nothing.
    darker = np.stack([strongest.change(grey, strongest.strengths[-1], random) for grey in scored.grey])
    truth = np.asarray([bool(case.labels["pneumonia"]) for case in scored.cases])
    before, after = called(scored.grey), called(darker)
    last = curve.levels[-1]
    assert last.sensitivity.estimate == pytest.approx(after[truth].mean())
    assert last.specificity.estimate == pytest.approx((~after[~truth]).mean())
    assert last.changed.estimate == pytest.approx((after != before).mean())


def test_a_kill_loses_one_corruption_and_the_same_seed_gives_the_same(engine: Engine, tmp_path: Path) -> None:
    manifest, scored = films(24)
    whole = robustness(engine, manifest, scored, tmp_path / "other", PLAN)

    def cut(_: str, done: int, __: int) -> None:
        if done == 20:
            raise KeyboardInterrupt

    work = tmp_path / "work"
    with pytest.raises(KeyboardInterrupt):
        robustness(engine, manifest, scored, work, PLAN, cut)
    before = {file: file.stat().st_mtime_ns for file in work.glob("*.npy")}
    assert len(before) == 20
    assert repr(robustness(engine, manifest, scored, work, PLAN)) == repr(whole)
    assert all(file.stat().st_mtime_ns == time for file, time in before.items())
    other = robustness(engine, manifest, scored, tmp_path / "seed", replace(PLAN, seed=1))
    assert repr(other) != repr(whole)


def test_no_more_cases_are_used_than_asked_of_each_answer_alike(engine: Engine, tmp_path: Path) -> None:
    manifest, scored = films()
    curve = robustness(engine, manifest, scored, tmp_path / "work", PLAN, most_cases=30)[0]
    assert (curve.positives, curve.negatives) == (15, 15)


def test_an_exclusive_task_is_asked_for_any_finding_and_for_each_type(tmp_path: Path) -> None:
    kernel = np.zeros((CHANNELS, 1, 4, 4), np.float32)
    kernel[0], kernel[1] = 1 / 16, -1 / 16
    head = np.zeros((CHANNELS, 4), np.float32)
    head[0, 0], head[1, 3] = 50.0, 1.0  # bright is glioma, dark is none
    weights = kernel, head, np.asarray([-1.0, -3.0, -3.0, 0.0], np.float32)
    engine = Engine.open(make_bundle(tmp_path / "bundles", "brain-mri", weights=weights), 1)
    _, scored = films()
    names = ["glioma" if case.labels["pneumonia"] else "no_tumour" for case in scored.cases]
    cases = tuple(
        Case(case.path, case.source, case.patient_id, split="test", possible=frozenset({name}))
        for case, name in zip(scored.cases, names, strict=True)
    )
    cases = (*cases[:-1], replace(cases[-1], possible=frozenset({"glioma", "pituitary"})))
    task = get_task("brain-mri")
    scored = Scored(cases, np.full((60, 4), np.nan), scored.grey)
    curves = robustness(engine, Manifest(Path("m.csv"), task, cases), scored, tmp_path / "work", PLAN)
    blur = {curve.question: curve for curve in curves if curve.corruption == "blur"}
    assert list(blur) == ["any finding", "glioma", "meningioma", "pituitary"]
    assert blur["any finding"].positives == 30
    assert blur["glioma"].positives == 29  # the one of two possible types tells no type
    assert blur["glioma"].levels[0].auroc.estimate == 1.0
    assert np.isnan(blur["pituitary"].levels[0].auroc.estimate)
