"""Opening a bundle: everything that could be wrong with it is refused by type and message; and running it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper
from scipy.special import logit

from radiolens.bundle import CLASS_ACTIVATION_MAP, OCCLUSION_MAP, read_bundle, write_bundle
from radiolens.errors import BundleError, CorruptBundle
from radiolens.evaluation.link import probabilities
from radiolens.image import Image, Source, Unit
from radiolens.inference.engine import Engine
from radiolens.inference.predict import Predictor
from tests.phantoms import chest_film
from tests.tiny_bundle import SIDE, make_bundle, make_imported


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_bundle(tmp_path)


def sealed(folder: Path) -> Path:
    """List the present hashes of the files in bundle.json, as one who made the bundle wrongly would."""
    file = folder / "bundle.json"
    content = json.loads(file.read_text())
    content["files"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in content["files"]}
    file.write_text(json.dumps(content))
    return folder


def arrays(file: Path) -> dict[str, NDArray[Any]]:
    with np.load(file) as content:
        return dict(content)


def change(folder: Path, name: str, **changes: NDArray[Any] | None) -> Path:
    """Replace, or with None remove, arrays of a file of the bundle, and list its new hash."""
    kept = {key: value for key, value in (arrays(folder / name) | changes).items() if value is not None}
    np.savez(folder / name, **kept)
    return sealed(folder)


def test_an_untouched_bundle_opens(folder: Path) -> None:
    assert Engine.open(folder).installed == read_bundle(folder)


@pytest.mark.parametrize("name", ["model.onnx", "golden.npz", "reference.npz"])
def test_a_file_with_another_hash_is_corrupt_and_both_hashes_are_told(folder: Path, name: str) -> None:
    with (folder / name).open("ab") as stream:
        stream.write(b"x")
    found = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    with pytest.raises(
        CorruptBundle, match=rf"{name} has another SHA-256: expected .*Install the bundle again"
    ) as told:
        Engine.open(folder)
    assert told.value.found == found
    assert told.value.expected == json.loads((folder / "bundle.json").read_text())["files"][name]


def test_answers_other_than_the_golden_ones_are_corrupt(folder: Path) -> None:
    golden = arrays(folder / "golden.npz")["probabilities"]
    change(folder, "golden.npz", probabilities=golden + 0.01)
    with pytest.raises(
        CorruptBundle, match=r"no longer gives the stored answers: expected .* at most 0\.001, found 0\.01"
    ):
        Engine.open(folder)


def test_a_golden_pair_that_is_not_finite_is_corrupt(folder: Path) -> None:
    golden = arrays(folder / "golden.npz")["probabilities"]
    change(folder, "golden.npz", probabilities=np.full_like(golden, np.nan))
    with pytest.raises(CorruptBundle, match=r"no longer gives the stored answers.*found nan"):
        Engine.open(folder)


def test_a_head_that_is_not_the_networks_is_corrupt(folder: Path) -> None:
    head = arrays(folder / "reference.npz")["head_kernel"]
    change(folder, "reference.npz", head_kernel=head[:, ::-1])
    with pytest.raises(CorruptBundle, match="no longer ends in the stored head, so its maps mean nothing"):
        Engine.open(folder)


def test_the_network_of_another_bundle_is_corrupt(folder: Path, tmp_path: Path) -> None:
    other = make_bundle(tmp_path / "other", seed=1)
    (folder / "model.onnx").write_bytes((other / "model.onnx").read_bytes())
    with pytest.raises(CorruptBundle, match="no longer gives the stored answers"):
        Engine.open(sealed(folder))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.onnx", b"no network"),
        ("model.onnx", b""),
        ("golden.npz", b""),
        ("golden.npz", b"no arrays"),
        ("reference.npz", b"PK\x03\x04 cut"),
    ],
)
def test_a_file_of_another_format_is_refused(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(BundleError, match=r"is not what bundle\.json describes .*Export the bundle again"):
        Engine.open(sealed(folder))


def test_a_single_array_instead_of_named_ones_is_refused(folder: Path) -> None:
    with (folder / "golden.npz").open("wb") as stream:
        np.save(stream, np.zeros(3))
    with pytest.raises(BundleError, match=r"is not what bundle\.json describes"):
        Engine.open(sealed(folder))


def test_pickled_objects_are_never_loaded(folder: Path) -> None:
    change(folder, "reference.npz", head_bias=np.asarray([{"code": "run me"}, None], object))
    with pytest.raises(BundleError, match="allow_pickle=False"):
        Engine.open(folder)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("golden.npz", {"grey": None}),
        ("reference.npz", {"head_kernel": None}),
        ("golden.npz", {"grey": np.zeros((2, SIDE, SIDE + 1), np.uint8)}),
        ("golden.npz", {"probabilities": np.zeros((2, 3), np.float32)}),
        ("reference.npz", {"head_kernel": np.zeros((5, 2), np.float32)}),
    ],
)
def test_arrays_that_are_missing_or_of_another_shape_are_refused(
    folder: Path, name: str, changes: dict[str, NDArray[Any] | None]
) -> None:
    change(folder, name, **changes)
    with pytest.raises(BundleError, match=r"is not what bundle\.json describes"):
        Engine.open(folder)


def test_a_network_without_the_feature_map_is_refused(folder: Path) -> None:
    network = onnx.load(folder / "model.onnx")
    del network.graph.output[1]
    onnx.save(network, folder / "model.onnx")
    with pytest.raises(BundleError, match=r"is not what bundle\.json describes"):
        Engine.open(sealed(folder))


def test_labels_that_the_network_has_not_are_refused(folder: Path) -> None:
    file = folder / "bundle.json"
    content = json.loads(file.read_text())
    for key in ("temperature", "thresholds"):
        content[key]["third"] = 0.5
    file.write_text(json.dumps(content | {"labels": [*content["labels"], "third"]}))
    with pytest.raises(BundleError, match=r"is not what bundle\.json describes"):
        Engine.open(folder)


def test_any_number_of_slices_gives_the_logits_of_each_alone(folder: Path, rng: np.random.Generator) -> None:
    engine = Engine.open(folder)
    grey = rng.integers(0, 256, (5, SIDE, SIDE), np.uint8)
    alone = np.concatenate([engine.run(grey[[number]])[0] for number in range(5)])
    np.testing.assert_allclose(engine.logits(grey), alone, atol=1e-5)
    assert engine.logits(grey[:0]).shape == (0, 2)


def test_probabilities_are_those_of_the_stored_temperature(folder: Path) -> None:
    logits = np.asarray([[1.5, -3.0]], np.float32)
    expected = probabilities(logits, 1.5, exclusive=False)
    np.testing.assert_array_equal(Engine.open(folder).probabilities(logits), expected)


def test_a_stored_bias_shifts_the_log_odds_of_its_label(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path, bias={"tuberculosis": -1.0, "pneumonia": 0.5})
    logits = np.asarray([[1.5, -3.0]], np.float32)
    np.testing.assert_allclose(logit(Engine.open(folder).probabilities(logits)), [[1.5 / 1.5 + 0.5, -3 / 1.5 - 1.0]])


@pytest.mark.parametrize("shape", [(224, 224, 3), (64, 64, 3), (150, 150, 1), (33, 20, 3)])
def test_a_network_without_feature_map_answers_and_says_what_it_has_not(
    tmp_path: Path, rng: np.random.Generator, shape: tuple[int, int, int]
) -> None:
    engine = Engine.open(make_imported(tmp_path, shape=shape))
    weights = numpy_helper.to_array(onnx.load(engine.installed.folder / "model.onnx").graph.initializer[0])
    grey = rng.integers(0, 256, (3, *shape[:2]), np.uint8)
    pixels = np.repeat(grey[..., None] / 255, shape[2], axis=-1).reshape(3, -1)
    np.testing.assert_allclose(engine.logits(grey), pixels @ weights, atol=1e-4)
    assert engine.head is None
    for ask in (lambda: engine.run(grey), lambda: engine.head_kernel, lambda: engine.head_bias):
        with pytest.raises(BundleError, match=r"braintumor 0\.0\.1 has no feature map"):
            ask()
    assert 0 < engine.seconds_per_image < 10


@pytest.mark.parametrize("explanation", [CLASS_ACTIVATION_MAP, OCCLUSION_MAP])
def test_the_kind_of_map_says_whether_a_head_is_expected(tmp_path: Path, explanation: str) -> None:
    engine = Engine.open(make_bundle(tmp_path))
    write_bundle(replace(engine.bundle, explanation=explanation), engine.installed.folder)
    assert (Engine.open(engine.installed.folder).head is None) == (explanation == OCCLUSION_MAP)
    place = make_imported(tmp_path)
    write_bundle(replace(read_bundle(place).bundle, explanation=CLASS_ACTIVATION_MAP), place)
    with pytest.raises(BundleError, match=r"is not what bundle.json describes \('head_kernel'\)"):
        Engine.open(place)


def test_eight_threads_get_the_answers_of_one(tmp_path: Path) -> None:
    make_bundle(tmp_path)
    images = [Image(chest_film(seed=seed)[None], Unit.UNIT_INTERVAL, Source("png")) for seed in range(16)]
    expected = [Predictor.open([tmp_path]).predict_image(image, "chest-xray") for image in images]
    shared = Predictor.open([tmp_path])  # opened by the threads themselves, all at once
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda image: shared.predict_image(image, "chest-xray"), images * 8))
    for number, prediction in enumerate(found):
        wanted = expected[number % len(images)]
        assert prediction.findings == wanted.findings
        assert prediction.explanation is not None
        assert wanted.explanation is not None
        for label, values in wanted.explanation.maps.items():
            np.testing.assert_array_equal(prediction.explanation.maps[label], values)


def test_the_runtime_sends_and_writes_nothing_when_it_is_loaded(tmp_path: Path) -> None:
    code = "import radiolens.inference.engine"
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    subprocess.run([sys.executable, "-c", code], env=environment | {"TMPDIR": str(tmp_path)}, check=True)
    assert list(tmp_path.iterdir()) == []
