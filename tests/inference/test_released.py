"""The released bundles themselves: what they promise is what they do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from radiolens.bundle import GATE, RELEASED, find_bundles, read_bundle
from radiolens.errors import BundleError, CorruptBundle, UnknownTask
from radiolens.explain.overlay import display_slice, overlay, png
from radiolens.image import Image, Source, Unit
from radiolens.inference.engine import Engine
from radiolens.inference.predict import Predictor
from radiolens.inference.record import KEYS, prediction_from_record, record
from radiolens.prediction import Presence
from radiolens.profile import Profile
from radiolens.quality import ProblemCode
from radiolens.safety.gate import Gate
from tests.phantoms import chest_film
from tests.shared_data import SHARED, needs_shared_data

FOLDERS = {name: folder for name, folder in find_bundles([RELEASED]).items() if name != GATE}


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor.open(gate=Gate.HEADER)  # the films are generated, and the gate network knows it


def film(modality: str | None = None, part: str | None = None, view: str | None = None, slices: int = 1) -> Image:
    pixels = np.stack([chest_film(seed=seed) for seed in range(slices)])
    source = Source("png", body_part_examined=part)
    return Image(
        pixels,
        Unit.UNIT_INTERVAL,
        source,
        modality=modality,
        view=view,
        slice_indices=tuple(range(slices)),
        slice_count=slices,
    )


@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_a_released_bundle_opens_and_reproduces_its_golden_pair(name: str) -> None:
    engine = Engine.open(FOLDERS[name])
    assert sum(file.stat().st_size for file in FOLDERS[name].rglob("*")) <= 12_000_000
    assert engine.bundle.name == name


@pytest.mark.parametrize("file", ["model.onnx", "golden.npz", "reference.npz"])
def test_a_changed_file_is_refused(file: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(FOLDERS["chest-xray"], copy)
    content = bytearray((copy / file).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / file).write_bytes(content)
    with pytest.raises(CorruptBundle, match="another SHA-256"):
        read_bundle(copy)


def test_a_folder_without_a_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no bundle\.json"):
        read_bundle(tmp_path)
    (tmp_path / "bundle.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(BundleError, match="another version"):
        read_bundle(tmp_path)


def test_a_film_is_answered_with_a_map(predictor: Predictor) -> None:
    prediction = predictor.predict_image(film(), "chest-xray")
    assert [finding.label for finding in prediction.findings] == ["pneumonia", "tuberculosis"]
    assert prediction.explanation is not None
    painted = overlay(prediction.explanation, "pneumonia", (240, 200))
    assert painted.shape == (240, 200, 4)
    assert png(painted).startswith(b"\x89PNG")
    assert display_slice(film(), 0).shape == (240, 200)


def test_the_map_adds_up_to_the_logit(predictor: Predictor) -> None:
    engine = predictor.engine("chest-xray")
    grey = np.random.default_rng(0).integers(0, 256, (3, 224, 224), np.uint8)
    logits, features = engine.run(grey)
    with np.load(engine.installed.folder / "reference.npz") as reference:
        expected = features.mean(axis=(1, 2)) @ reference["head_kernel"] + reference["head_bias"]
    np.testing.assert_allclose(logits, expected, atol=1e-2)  # the bias is stored in half precision in the network


def test_a_volume_is_the_mean_of_its_slices(predictor: Predictor) -> None:
    prediction = predictor.predict_image(film(slices=3), "brain-mri")
    means = np.mean([[entry.probability for entry in part.findings] for part in prediction.slices], axis=0)
    np.testing.assert_allclose([entry.probability for entry in prediction.findings], means)


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (film(modality="CT"), ProblemCode.WRONG_MODALITY),
        (film(modality="CR", part="ANKLE"), ProblemCode.WRONG_BODY_PART),
        (film(modality="DX", part="CHEST", view="LATERAL"), ProblemCode.WRONG_VIEW),
    ],
)
def test_a_header_that_contradicts_the_task_is_refused(predictor: Predictor, image: Image, code: ProblemCode) -> None:
    prediction = predictor.predict_image(image, "chest-xray")
    assert (prediction.answered, prediction.quality.problems[0].code) == (False, code)
    assert predictor.predict_image(image, "chest-xray", gate=False).answered


def test_auto_routes_by_header_and_does_not_guess(predictor: Predictor) -> None:
    assert predictor.predict_image(film("DX", "CHEST", "PA")).task == "chest-xray"
    assert predictor.predict_image(film()).quality.problems[0].code is ProblemCode.TASK_UNDETERMINED
    assert predictor.predict_image(film("CT", "HEAD")).task == "brain-ct"
    with pytest.raises(UnknownTask, match="Known tasks"):
        predictor.predict_image(film(), "knee")


def test_a_profile_moves_the_threshold_of_its_bundle_only() -> None:
    sha256 = read_bundle(FOLDERS["chest-xray"]).sha256
    profile = Profile("clinic", sha256, {"pneumonia": 0.0}, "test")
    low = Predictor.open(profiles=[profile], gate=Gate.HEADER).predict_image(film(), "chest-xray").finding("pneumonia")
    assert (low.threshold, low.presence is Presence.ABSENT) == (0.0, False)  # prediction sets may leave it open
    with pytest.raises(BundleError, match="not installed"):
        Predictor.open(profiles=[Profile("clinic", "0" * 64, {}, "test")])


def test_a_prediction_survives_json(predictor: Predictor) -> None:
    prediction = predictor.predict_image(film(slices=2), "chest-xray")
    row = json.loads(json.dumps(record("a.png", prediction)))
    assert tuple(row) == KEYS
    back = prediction_from_record(row)
    assert (back.findings, back.slices, back.bundle) == (prediction.findings, prediction.slices, prediction.bundle)


@needs_shared_data
def test_a_real_series_is_one_input(predictor: Predictor) -> None:
    files = [file.read_bytes() for file in sorted((SHARED / "dicom" / "ct-head-ge").glob("*.dcm"))]
    prediction = predictor.predict(files)
    assert prediction.task == "brain-ct"
    assert [finding.label for finding in prediction.findings] == ["haemorrhage"]
    assert [entry.index for entry in prediction.slices] == list(range(8, 20))  # of 28: the middle two fifths
    mean = np.mean([entry.findings[0].probability for entry in prediction.slices])
    assert prediction.findings[0].probability == pytest.approx(mean)
