"""The gate in the answer: a real, tiny gate network whose eye the test knows, and real, tiny bundles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from radiolens.bundle import read_bundle, write_bundle
from radiolens.errors import BundleError
from radiolens.image import Image, Source, Unit
from radiolens.imaging import resample
from radiolens.imaging.preprocess import Preprocessing, grey_levels
from radiolens.inference.gate import judge, look, route
from radiolens.inference.gate_network import GateNetwork
from radiolens.inference.predict import Predictor
from radiolens.prediction import Prediction, Presence
from radiolens.quality import Quality
from radiolens.safety.feature_distance import fit_reference
from radiolens.safety.gate import Gate
from radiolens.safety.sight import Kind
from radiolens.tasks import get_task
from tests.phantoms import chest_film, head_picture
from tests.safety.sights import sight
from tests.tiny_bundle import SIDE, make_bundle, make_imported
from tests.tiny_gate import KINDS, make_gate

CHEST, MRI, CT = (get_task(name) for name in ("chest-xray", "brain-mri", "brain-ct"))


def gate_seeing(
    kind: Kind, *, rotated: bool = False, inverted: bool = False, cropped: bool = False
) -> NDArray[np.float32]:
    """Return the biases with which the tiny gate network sees this in every picture."""
    defects = [8.0 if found else -8.0 for found in (rotated, inverted, cropped)]
    return np.array([8.0 if entry is kind else 0.0 for entry in KINDS] + defects, np.float32)


def opened(folder: Path, bias: NDArray[np.float32] | None = None, gate: Gate = Gate.FULL) -> Predictor:
    """Return a predictor of tiny bundles for films and MR, and of a gate network with these biases, if any."""
    make_bundle(folder)
    make_bundle(folder, "brain-mri", seed=2)
    if bias is not None:
        make_gate(folder, bias=bias)
    return Predictor.open([folder], gate=gate)


def windowed_head() -> Image:
    return Image(head_picture()[None], Unit.UNIT_INTERVAL, Source("png"))


def film(colour: float = 0.0, gain: float = 1.0, modality: str | None = None, **told: Any) -> Image:  # noqa: ANN401  any fact of the header
    pixels = np.rint(np.clip(gain * chest_film(90, 80), 0, 1) * 255) / np.float32(255)
    source = Source("png", colour_fraction=colour, **told)
    return Image(pixels[None].astype(np.float32), Unit.UNIT_INTERVAL, source, modality=modality)


def slices(count: int) -> Image:
    pixels = np.stack([chest_film(90, 80, seed) * np.float32(seed + 1) for seed in range(count)])
    return Image(pixels, Unit.ARBITRARY, Source("nifti"), slice_indices=tuple(range(count)), slice_count=count)


def codes(found: Prediction | Quality) -> list[str]:
    quality = found.quality if isinstance(found, Prediction) else found
    return [problem.code.value for problem in quality.problems]


def test_auto_answers_a_picture_without_header_by_what_the_gate_network_sees(tmp_path: Path) -> None:
    found = opened(tmp_path, gate_seeing(Kind.BRAIN_MR)).predict_image(film())
    assert (found.task, found.answered) == ("brain-mri", True)
    without = opened(tmp_path / "without").predict_image(film())
    assert (without.task, codes(without)) == (None, ["task_undetermined"])


def test_gate_and_network_share_the_first_reduction_of_a_large_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reduced: list[tuple[int, ...]] = []
    averaged = resample._averaged

    def counting(pixels: NDArray[np.float32], down: int, across: int) -> NDArray[np.float32]:
        reduced.append(pixels.shape)
        return averaged(pixels, down, across)

    monkeypatch.setattr(resample, "_averaged", counting)
    large = Image(chest_film(1800, 1500)[None], Unit.UNIT_INTERVAL, Source("png"))
    assert opened(tmp_path, gate_seeing(Kind.CHEST_FRONTAL)).predict_image(large, "chest-xray").answered
    assert reduced == [(1800, 1500)]


@pytest.mark.parametrize(
    ("kind", "task", "expected"),
    [
        (Kind.OTHER, None, ["not_medical_image"]),
        (Kind.CHEST_LATERAL, "chest-xray", ["wrong_view"]),
        (Kind.BRAIN_CT, "brain-ct", ["unreleased_finding"]),
    ],
)
def test_auto_refuses_what_no_installed_bundle_is_for(
    tmp_path: Path, kind: Kind, task: str | None, expected: list[str]
) -> None:
    shown = windowed_head() if kind is Kind.BRAIN_CT else film()
    found = opened(tmp_path, gate_seeing(kind)).predict_image(shown)
    assert (found.task, codes(found), found.findings) == (task, expected, ())


def test_a_ct_picture_without_a_brain_window_is_refused_by_a_full_gate(tmp_path: Path) -> None:
    predictor = opened(tmp_path, gate_seeing(Kind.BRAIN_CT))
    found = predictor.predict_image(film(), "brain-ct")  # a stand-in: no bone in it is white
    assert codes(found) == ["outside_intended_use", "unreleased_finding"]


def test_a_film_photographed_in_a_dark_room_is_refused_unless_its_header_says_that_it_is_a_film(tmp_path: Path) -> None:
    room = np.random.default_rng(0).normal(0.1, 0.02, (140, 120)).clip(0, 1).astype(np.float32)
    room[20:-20, 20:-20] = chest_film(100, 80)
    predictor = opened(tmp_path, gate_seeing(Kind.CHEST_FRONTAL))
    shown = Image(room[None], Unit.UNIT_INTERVAL, Source("jpeg"))
    assert codes(predictor.predict_image(shown, "chest-xray")) == ["unlike_training_data"]
    for modality, answered in (("SC", False), ("CR", True)):  # the second is collimated, and not photographed
        assert predictor.predict_image(replace(shown, modality=modality), "chest-xray").answered == answered


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.OTHER, "not_medical_image"),
        (Kind.CHEST_LATERAL, "wrong_view"),
        (Kind.BRAIN_MR, "wrong_body_part"),
        (Kind.BRAIN_CT, "wrong_body_part"),
    ],
)
def test_a_named_task_is_checked_too_and_scored_without_the_gate(tmp_path: Path, kind: Kind, expected: str) -> None:
    predictor = opened(tmp_path, gate_seeing(kind, rotated=True))
    found = predictor.predict_image(film(), "chest-xray")
    assert (found.task, found.bundle, codes(found)) == ("chest-xray", None, [expected])
    assert predictor.predict_image(film(), "chest-xray", gate=False).answered


def test_the_header_chooses_and_a_picture_that_contradicts_it_is_refused(tmp_path: Path) -> None:
    told = film(modality="DX", body_part_examined="CHEST")
    assert opened(tmp_path, gate_seeing(Kind.CHEST_FRONTAL)).predict_image(told).answered
    found = opened(tmp_path / "b", gate_seeing(Kind.BRAIN_MR)).predict_image(told)
    assert (found.task, codes(found)) == ("chest-xray", ["wrong_body_part"])
    other = opened(tmp_path / "c", gate_seeing(Kind.OTHER)).predict_image(told)
    assert (other.task, codes(other)) == ("chest-xray", ["wrong_body_part"])


def test_a_header_that_says_half_is_completed_by_the_picture_and_its_half_is_held_against_it(tmp_path: Path) -> None:
    predictor = opened(tmp_path, gate_seeing(Kind.CHEST_FRONTAL))
    assert predictor.predict_image(film(modality="DX")).task == "chest-xray"
    assert codes(predictor.predict_image(film(modality="MR"))) == ["wrong_modality"]
    assert codes(predictor.predict_image(film(body_part_examined="KNEE"))) == ["wrong_body_part"]


@pytest.mark.parametrize("name", ["rotated", "inverted", "cropped"])
def test_a_defect_is_refused_by_its_code(tmp_path: Path, name: str) -> None:
    bias = gate_seeing(
        Kind.CHEST_FRONTAL, rotated=name == "rotated", inverted=name == "inverted", cropped=name == "cropped"
    )
    assert codes(opened(tmp_path, bias).predict_image(film())) == [name]


def test_exposure_and_colour_are_refused_without_a_gate_network_too(tmp_path: Path) -> None:
    predictor = opened(tmp_path)
    assert codes(predictor.predict_image(film(gain=0.1), "chest-xray")) == ["too_dark"]
    assert codes(predictor.predict_image(film(gain=4.0), "chest-xray")) == ["too_bright"]
    assert codes(predictor.predict_image(film(colour=0.3), "chest-xray")) == ["not_medical_image"]
    assert predictor.predict_image(film(gain=0.1), "chest-xray", gate=False).answered


def test_a_gate_that_goes_by_the_header_looks_at_nothing_else(tmp_path: Path) -> None:
    predictor = opened(tmp_path, gate_seeing(Kind.OTHER, rotated=True), Gate.HEADER)
    assert predictor.predict_image(film(gain=0.1, colour=0.5), "chest-xray").answered
    assert codes(predictor.predict_image(film())) == ["task_undetermined"]
    assert codes(predictor.predict_image(film(modality="CT"), "chest-xray")) == ["wrong_modality"]


def test_a_gate_that_cannot_be_used_answers_nothing_and_says_what_to_do(tmp_path: Path) -> None:
    predictor = opened(tmp_path, gate_seeing(Kind.CHEST_FRONTAL))
    (tmp_path / "gate" / "0.0.1" / "model.onnx").write_bytes(b"damaged")
    for _ in range(2):
        with pytest.raises(BundleError, match=r"The bundle gate 0\.0\.1 cannot be used\. .*another SHA-256"):
            predictor.predict_image(film(), "chest-xray")
    assert [entry.name for entry in predictor.shelf.installed.unusable] == ["gate"]
    assert predictor.predict_image(film(), "chest-xray", gate=False).answered
    assert Predictor.open([tmp_path], gate=Gate.HEADER).predict_image(film(), "chest-xray").answered


def test_the_gate_is_no_bundle_that_answers_a_task(tmp_path: Path) -> None:
    predictor = opened(tmp_path, gate_seeing(Kind.CHEST_FRONTAL))
    assert {entry.bundle.name for entry in predictor.shelf.installed.bundles} == {"chest-xray", "brain-mri"}
    assert predictor.shelf.gate() is predictor.shelf.gate()


def test_of_a_volume_three_slices_are_looked_at(tmp_path: Path) -> None:
    """The tiny network sees a dark upper left quarter as something else: in one slice of three it does not matter."""
    kernel = np.zeros((4, 8), np.float32)
    kernel[0, list(KINDS).index(Kind.OTHER)] = -30.0
    network = GateNetwork.open(make_gate(tmp_path, kernel, gate_seeing(Kind.BRAIN_MR)))
    bright, dark = np.ones((60, 60), np.float32), np.ones((60, 60), np.float32)
    dark[:30, :30] = 0.0
    bright[50:, 50:] = 0.0
    alone = Image(dark[None], Unit.ARBITRARY, Source("nifti"))
    assert look(alone, network).likeliest is Kind.OTHER
    pixels = np.stack([bright, bright, dark, bright])
    volume = Image(pixels, Unit.ARBITRARY, Source("nifti"), slice_indices=(0, 1, 2, 3), slice_count=4)
    seen = look(volume, network)
    assert seen.likeliest is Kind.BRAIN_MR
    assert seen.kinds[Kind.OTHER] == pytest.approx(1 / 3, abs=0.02)  # of the slices 1, 2 and 3


def test_an_unsure_picture_without_header_is_told_with_all_that_may_explain_it() -> None:
    found = route(film(gain=0.1), sight(Kind.BRAIN_CT, 0.4, rotated=0.9))
    assert isinstance(found, Quality)
    assert codes(found) == ["rotated", "too_dark", "task_undetermined"]
    assert "The picture looks most like a CT of the head (40%)." in found.problems[-1].message


def test_an_examination_of_another_part_is_told_as_such_and_a_photograph_as_none() -> None:
    hand = route(film(modality="CR", body_part_examined="EXTREMITY"), sight(Kind.OTHER, 0.999))
    assert isinstance(hand, Quality)
    assert codes(hand) == ["wrong_body_part"]
    assert hand.problems[0].message.startswith(
        "The file says CR, EXTREMITY, which fits no single study. The picture looks like neither a frontal chest film"
    )
    photograph = route(film(), sight(Kind.OTHER))
    assert isinstance(photograph, Quality)
    assert codes(photograph) == ["not_medical_image"]


def test_no_network_is_called_certain() -> None:
    found = judge(film(), CHEST, Gate.FULL, sight(Kind.CHEST_FRONTAL, inverted=1.0))
    assert found.problems[0].message.startswith("Black and white look exchanged (over 99% sure).")


def test_a_defect_means_nothing_in_a_picture_that_looks_like_none_of_the_kinds() -> None:
    found = route(film(), sight(Kind.OTHER, 0.4, rotated=0.9, inverted=0.9))
    assert isinstance(found, Quality)
    assert codes(found) == ["task_undetermined"]


def test_problems_of_header_and_picture_stand_in_one_order_and_a_code_once() -> None:
    shown = replace(film(gain=0.1, modality="MR", body_part_examined="KNEE"), view="LATERAL")
    found = judge(shown, CHEST, Gate.FULL, sight(Kind.BRAIN_MR))
    assert codes(found) == ["wrong_modality", "wrong_body_part", "wrong_view", "too_dark"]
    assert "The file says body part KNEE" in found.problems[1].message


def patches() -> NDArray[np.float32]:
    """Return a picture (90, 80) of patches, unlike any film, with all its grey levels."""
    coarse = np.random.default_rng(0).random((9, 8), np.float32) < 0.2
    ramp = np.linspace(0.0, 0.1, 80, dtype=np.float32)
    return np.asarray(0.8 * np.kron(coarse, np.ones((10, 10))) + ramp, np.float32)


def familiar_bundle(folder: Path, limit: float) -> Path:
    """Write a bundle whose training pictures are noisy films, with the limit on the distance to them."""
    place = make_bundle(folder)
    engine = Predictor.open([folder]).engine("chest-xray")
    grey = np.stack(
        [grey_levels(chest_film(90, 80, seed), Unit.UNIT_INTERVAL, Preprocessing(SIDE, SIDE)) for seed in range(30)]
    )
    pooled = np.concatenate([engine.run(picture[None])[1].mean(axis=(1, 2)) for picture in grey])
    with np.load(place / "reference.npz") as known:
        arrays: dict[str, Any] = dict(known)
    arrays.update(fit_reference(pooled, 4, limit).arrays())
    np.savez(place / "reference.npz", **arrays)
    return write_bundle(read_bundle(place, verify=False).bundle, place).folder


def test_a_picture_that_is_unlike_the_training_pictures_is_refused_after_the_network_has_run(tmp_path: Path) -> None:
    familiar_bundle(tmp_path, limit=0.2)
    strange = Image(patches()[None], Unit.UNIT_INTERVAL, Source("png"))
    predictor = Predictor.open([tmp_path])
    assert predictor.predict_image(film(), "chest-xray").answered
    found = predictor.predict_image(strange, "chest-xray")
    assert (found.task, codes(found), found.findings) == ("chest-xray", ["unlike_training_data"], ())
    assert "have it read by a radiologist" in found.quality.problems[0].message
    admitted = predictor.predict_admitted(strange, "chest-xray", "chest-xray")
    assert (admitted.task, codes(admitted), admitted.findings) == (found.task, codes(found), ())
    assert predictor.predict_image(strange, "chest-xray", gate=False).answered
    assert Predictor.open([tmp_path], gate=Gate.HEADER).predict_image(strange, "chest-xray").answered


def test_training_features_of_another_network_are_refused_at_opening(tmp_path: Path) -> None:
    place = familiar_bundle(tmp_path, limit=0.2)
    with np.load(place / "reference.npz") as known:
        arrays: dict[str, Any] = dict(known)
    arrays["distance_components"] = np.zeros((4, 99), np.float16)
    np.savez(place / "reference.npz", **arrays)
    write_bundle(read_bundle(place, verify=False).bundle, place)
    with pytest.raises(BundleError, match="training features of 99 channels"):
        Predictor.open([tmp_path]).engine("chest-xray")


def test_a_child_gets_pneumonia_decided_and_tuberculosis_not(tmp_path: Path) -> None:
    predictor = opened(tmp_path)
    child, adult = film(patient_age_years=6.0), film(patient_age_years=40.0)
    found, before = predictor.predict_image(child, "chest-xray"), predictor.predict_image(adult, "chest-xray")
    assert found.answered
    assert found.finding("tuberculosis").presence is Presence.INDETERMINATE
    assert found.finding("tuberculosis").probability == before.finding("tuberculosis").probability
    assert found.finding("pneumonia") == before.finding("pneumonia")
    assert before.finding("tuberculosis").presence is not Presence.INDETERMINATE
    admitted = predictor.predict_admitted(child, "chest-xray", "chest-xray")
    assert (admitted.findings, admitted.explanation) == (found.findings, None)
    ungated = predictor.predict_image(child, "chest-xray", gate=False)
    assert ungated.findings == before.findings


def test_a_network_that_looks_for_tuberculosis_alone_refuses_a_child(tmp_path: Path) -> None:
    make_imported(tmp_path, "tb", "chest-xray", ["tuberculosis"])
    predictor, child = Predictor.open([tmp_path]), film(patient_age_years=6.0)
    for found in (predictor.predict_image(child, bundle="tb"), predictor.predict_admitted(child, "chest-xray", "tb")):
        assert codes(found) == ["outside_intended_use"]
        assert "6 years old" in found.quality.problems[0].message


def test_the_middle_slice_of_a_volume_is_the_one_compared_with_the_training_pictures(tmp_path: Path) -> None:
    familiar_bundle(tmp_path, limit=0.2)
    noise = patches()
    pages = [chest_film(90, 80, seed) for seed in range(3)]
    stack = {place: np.stack([*pages[:place], noise, *pages[place:]])[:3] for place in (0, 1)}
    answers = {
        place: Predictor.open([tmp_path]).predict_image(
            Image(pixels, Unit.UNIT_INTERVAL, Source("tiff"), slice_indices=(0, 1, 2), slice_count=3), "chest-xray"
        )
        for place, pixels in stack.items()
    }
    assert (codes(answers[0]), codes(answers[1])) == ([], ["unlike_training_data"])
