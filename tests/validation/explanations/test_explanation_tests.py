"""Explanations tested end to end on films whose lesion is known, with a network that sees it and one that does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from radiolens.data.manifest import Manifest
from radiolens.errors import DatasetError
from radiolens.evaluation.intervals import Interval
from radiolens.imaging.preprocess import Fit, Preprocessing
from radiolens.inference.engine import Engine
from radiolens.validation.explanations.explanation_tests import (
    ACTIVATION,
    OCCLUSION,
    Agreement,
    ExplanationTests,
    Localisation,
    Prior,
    Randomisation,
    explanation_tests,
    verdict,
)
from radiolens.validation.plan import Plan
from tests.tiny_bundle import SIDE, make_imported
from tests.validation.lesion_cases import bright_engine, dark_engine, lesion_manifest

PLAN = Plan(resamples=200)


def outcome(engine: Engine, manifest: Manifest, work: Path, most: int = 20) -> ExplanationTests:
    scored = [case for case in manifest.cases if case.split == "test"]
    found = explanation_tests(engine, manifest, scored, work, PLAN, most_cases=most)
    assert found is not None
    return found


@pytest.mark.parametrize(("fit", "shape"), [(Fit.STRETCH, (64, 64)), (Fit.STRETCH, (90, 50)), (Fit.PAD, (90, 50))])
def test_a_network_that_sees_the_lesion_is_found_to_point_at_it(
    fit: Fit, shape: tuple[int, int], tmp_path: Path
) -> None:
    engine = bright_engine(tmp_path / "bundles", preprocessing=Preprocessing(SIDE, SIDE, fit=fit))
    found = outcome(engine, lesion_manifest(tmp_path, 60, shape), tmp_path / "work")
    activation, occlusion = found.localisation
    assert (activation.maps, occlusion.maps) == (ACTIVATION, OCCLUSION)
    assert (activation.label, activation.cases, activation.patients) == ("all", 30, 10)
    assert activation.pointing.estimate > 0.9
    assert occlusion.pointing.estimate > 0.6
    assert activation.mass.estimate > 0.4
    assert [prior.name for prior in activation.priors] == ["image centre", "mean mask"]
    assert all(prior.pointing_difference.low > 0.2 for prior in activation.priors)
    assert found.agreement[0].rank_correlation.low > 0.3
    # Whatever weights such a network has, it looks for what is bright: its maps do not show that it has learnt.
    assert found.randomisation[-1].rank_correlation.estimate > 0.5
    assert "they hardly change when all weights are shuffled" in found.verdict
    assert found.verdict.startswith("The activation map finds the lesion better than a prior")


def test_a_network_that_looks_elsewhere_is_told_to_be_no_better_than_a_prior(tmp_path: Path) -> None:
    found = outcome(dark_engine(tmp_path / "bundles"), lesion_manifest(tmp_path, 60), tmp_path / "work")
    assert found.localisation[0].pointing.estimate == 0
    assert "do not read it as the lesion's place" in found.verdict


def test_without_masks_weights_and_occlusion_are_tested_all_the_same(tmp_path: Path) -> None:
    manifest = lesion_manifest(tmp_path, 24)
    plain = replace(manifest, cases=tuple(replace(case, mask="") for case in manifest.cases))
    found = outcome(bright_engine(tmp_path / "bundles"), plain, tmp_path / "work")
    assert found.localisation == ()
    assert len(found.randomisation) == 5
    assert found.agreement[0].cases == 12
    assert found.verdict.startswith("There are no masks")


def test_without_training_masks_the_image_centre_is_the_only_prior(tmp_path: Path) -> None:
    manifest = lesion_manifest(tmp_path, 24)
    alone = replace(manifest, cases=tuple(case for case in manifest.cases if case.split == "test"))
    found = outcome(bright_engine(tmp_path / "bundles"), alone, tmp_path / "work")
    assert [prior.name for prior in found.localisation[0].priors] == ["image centre"]


def test_masks_of_training_patients_who_are_scored_too_make_no_prior(tmp_path: Path) -> None:
    manifest = lesion_manifest(tmp_path, 24)
    same = replace(manifest, cases=tuple(replace(case, patient_id="one") for case in manifest.cases))
    found = outcome(bright_engine(tmp_path / "bundles"), same, tmp_path / "work")
    assert [prior.name for prior in found.localisation[0].priors] == ["image centre"]


def test_there_is_nothing_to_test_without_a_case_of_one_known_finding(tmp_path: Path) -> None:
    manifest = lesion_manifest(tmp_path, 4)
    healthy = tuple(replace(case, labels={"pneumonia": 0, "tuberculosis": 0}) for case in manifest.cases)
    engine = bright_engine(tmp_path / "bundles")
    assert explanation_tests(engine, manifest, healthy, tmp_path / "work", PLAN) is None


def test_a_network_without_a_feature_map_is_tested_by_its_occlusion_maps(tmp_path: Path) -> None:
    folder = make_imported(tmp_path / "bundles", "pneumonia", "chest-xray", ("pneumonia",), (SIDE, SIDE, 1))
    found = outcome(Engine.open(folder, 1), lesion_manifest(tmp_path, 20), tmp_path / "work", most=6)
    assert found.method == "occlusion-map"
    assert [entry.maps for entry in found.localisation] == [OCCLUSION]
    assert found.localisation[0].cases == 6
    assert (found.randomisation, found.agreement) == ((), ())
    assert found.verdict.startswith("The occlusion map")


@pytest.mark.parametrize("moment", [("Mapping lesions", 3), ("Hiding places", 2), ("Shuffling weights", 4)])
def test_a_kill_at_any_moment_loses_the_piece_in_work(moment: tuple[str, int], tmp_path: Path) -> None:
    engine, manifest, work = bright_engine(tmp_path / "bundles"), lesion_manifest(tmp_path, 12), tmp_path / "work"
    scored = [case for case in manifest.cases if case.split == "test"]

    def cut(stage: str, done: int, _: int) -> None:
        if (stage, done) == moment:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explanation_tests(engine, manifest, scored, work, PLAN, cut)
    before = {file: file.stat().st_mtime_ns for file in work.glob("*.npy")}
    assert len(before) >= moment[1]
    found = explanation_tests(engine, manifest, scored, work, PLAN)
    assert found == explanation_tests(engine, manifest, scored, tmp_path / "other", PLAN)
    assert all(file.stat().st_mtime_ns == time for file, time in before.items())


def test_a_mask_that_is_missing_is_told(tmp_path: Path) -> None:
    engine, manifest = bright_engine(tmp_path / "bundles"), lesion_manifest(tmp_path, 4)
    (tmp_path / manifest.cases[0].mask).unlink()
    with pytest.raises(DatasetError, match=r"0-mask\.png: .*Correct the manifest, or leave the case out"):
        explanation_tests(engine, manifest, manifest.cases[:1], tmp_path / "work", PLAN)


def interval(estimate: float, reach: float = 0.05) -> Interval:
    return Interval(estimate, estimate - reach, estimate + reach, 0.95, "test")


def place(difference: float, mass_difference: float = 0.2) -> Localisation:
    prior = Prior(
        name="mean mask",
        pointing=interval(0.1),
        near=interval(0.3),
        mass=interval(0.1),
        pointing_difference=interval(0.0),
        near_difference=interval(difference),
        mass_difference=interval(mass_difference),
    )
    easier = replace(prior, name="image centre", near=interval(0.2), near_difference=interval(0.4))
    shares = interval(0.1), interval(0.5), interval(0.1)
    return Localisation(ACTIVATION, "all", 613, 613, 0.02, *shares, (easier, prior))


def test_the_verdict_is_one_sentence_that_follows_the_harder_prior() -> None:
    better = verdict([place(0.2)], [], [])
    assert better == (
        "The activation map finds the lesion better than a prior: its strongest place lies in the mask or at most 15 "
        "of 224 pixels off in 50 % (45 to 55) of 613 images, that of the mean mask in 30 % (25 to 35)."
    )
    assert "marks no more of it" in verdict([place(0.2, mass_difference=0.0)], [], [])
    assert "no better than a prior, so do not read it" in verdict([place(0.0)], [], [])
    assert "worse than a prior, so do not read it" in verdict([place(-0.2)], [], [])
    hidden = replace(place(0.2), maps=OCCLUSION)
    of_one_label = replace(place(-0.2), maps=OCCLUSION, label="glioma")
    assert verdict([place(0.0), hidden, of_one_label], [], []).endswith(
        "in 30 % (25 to 35); hiding places one by one instead finds the lesion better than a prior (50 % (45 to 55) of "
        "613 images, the mean mask there 30 % (25 to 35))."
    )


def test_the_verdict_tells_whether_maps_hang_on_the_weights_and_agree_with_occlusion() -> None:
    whole = [Randomisation("head", 1, 9, interval(0.9), interval(0.9))]
    whole.append(Randomisation("all layers", 50, 9, interval(0.1), interval(0.1)))
    told = verdict([], whole, [Agreement("all", 9, 9, interval(0.7))])
    assert "they change when all weights are shuffled (rank correlation 0.10, 0.05 to 0.15)" in told
    assert told.endswith("they agree with occlusion (rank correlation 0.70, 0.65 to 0.75).")
    stubborn = Randomisation("all layers", 50, 9, interval(0.8), interval(0.8))
    assert "they hardly change" in verdict([], [stubborn], [])
    assert "they agree in part" in verdict([], [], [Agreement("all", 9, 9, interval(0.3))])
    assert "they do not agree" in verdict([], [], [Agreement("all", 9, 9, interval(0.0))])
    assert not np.isnan(interval(0.1).low)
