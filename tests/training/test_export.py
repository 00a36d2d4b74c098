"""Export: a bundle that answers as the network does, tells what it was made of, and appears only when it is whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper

from radiolens.bundle import LITE0_BYTES, LITE2_BYTES, InstalledBundle
from radiolens.data.manifest import Manifest
from radiolens.errors import BundleError, DatasetError
from radiolens.imaging.preprocess import Preprocessing, network_input
from radiolens.inference.engine import Engine
from radiolens.inference.set_file import PATIENTS, SET_ARRAYS
from radiolens.prediction import Presence
from radiolens.safety.feature_distance import KEYS
from radiolens.training.config import Masking, SourceErasure
from radiolens.training.export import Exported, export_bundle, largest_bytes_of
from radiolens.training.losses import targets
from radiolens.training.onnx_export import export_onnx, head_weights
from radiolens.training.pipeline import read_grey_levels
from radiolens.training.train import predict_logits
from tests.training.conftest import Run
from tests.training.tiny_experiment import EXPERIMENT


@pytest.fixture(scope="module")
def exported(collection: Manifest, finished: Run) -> Exported:
    return Exported(EXPERIMENT, collection, finished.network, finished.folder.parent / "cache")


@pytest.fixture(scope="module")
def installed(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> InstalledBundle:
    return export_bundle(exported, tmp_path_factory.mktemp("bundles") / "chest-xray" / "1.0.0", "1.0.0")


def test_a_bundle_answers_like_the_network(installed: InstalledBundle, finished: Run) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (4, 32, 32), np.uint8)
    expected = predict_logits(keras.saving.load_model(finished.network), grey, EXPERIMENT.preprocessing)
    np.testing.assert_allclose(Engine.open(installed.folder).run(grey)[0], expected, atol=1e-2)  # float16 weights


def test_a_bundle_tells_what_it_was_made_of(installed: InstalledBundle) -> None:
    bundle = installed.bundle
    assert (bundle.name, bundle.version, bundle.labels) == ("chest-xray", "1.0.0", ("pneumonia", "tuberculosis"))
    assert bundle.provenance["backbone"] == "tiny_backbone"
    assert bundle.provenance["sources"] == {"clinic": ["CC BY 4.0"], "practice": ["CC BY 4.0"]}
    assert bundle.provenance["cases"] == {source: {"train": 12, "validation": 12} for source in ("clinic", "practice")}
    assert "pneumonia: clinic 3 present, 6 absent; practice 3 present, 6 absent" in bundle.threshold_evidence


def test_a_bundle_tells_what_was_taken_from_its_head_and_what_its_sets_promise(
    collection: Manifest, finished: Run, tmp_path: Path
) -> None:
    base = replace(EXPERIMENT, masked=(Masking("practice", "tuberculosis", keep_one_in=2),))
    erasure = SourceErasure("pneumonia", ("clinic", "practice"), 0.5)
    erased = replace(base, name="erased", base=base, erased=(erasure,), set_confidence=0.7)
    network = shutil.copyfile(finished.network, tmp_path / "network.keras")
    bundle = export_bundle(Exported(erased, collection, network, tmp_path / "cache"), tmp_path / "1", "1.0.0").bundle
    assert bundle.provenance["erased"] == [{"label": "pneumonia", "sources": ["clinic", "practice"], "share": 0.5}]
    assert (bundle.coverage, bundle.coverage_confidence) == (0.9, 0.7)
    assert bundle.provenance["left_out"] == [
        {"source": "practice", "label": "tuberculosis", "keep_one_in": 2, "stage": "tiny"}
    ]


def test_thresholds_and_temperature_are_those_of_the_stored_network(
    installed: InstalledBundle, collection: Manifest
) -> None:
    engine = Engine.open(installed.folder)
    cases = [case for case in collection.cases if case.split == "validation"]
    grey = np.stack([read_grey_levels(collection.path(case), EXPERIMENT.preprocessing) for case in cases])
    scores = engine.probabilities(engine.logits(grey))
    wanted = targets(cases, collection.task)
    for column, label in enumerate(installed.bundle.labels):
        told = wanted[:, column] >= 0
        called = scores[told, column] >= installed.bundle.thresholds[label]
        truth = wanted[told, column] == 1
        balanced = (called[truth].mean() + 1 - called[~truth].mean()) / 2
        # Both sources are of one size, so the weighted optimum is the plain one.
        best = max(
            (called[truth].mean() + 1 - called[~truth].mean()) / 2
            for called in (scores[told, column] >= cut for cut in scores[told, column])
        )
        assert balanced == pytest.approx(best)


def test_the_reference_holds_the_head_and_the_features_of_training_cases(installed: InstalledBundle) -> None:
    with np.load(installed.folder / "reference.npz") as reference:
        features = {"head_kernel", "head_bias", "feature_mean", "feature_std"}
        assert set(reference) == features | {*SET_ARRAYS, PATIENTS} | set(KEYS)
        assert reference["feature_mean"].shape == reference["feature_std"].shape == (16,)
        assert (reference["feature_std"] >= 0).all()


def test_the_sets_are_made_of_what_the_stored_network_says_of_validation_cases(
    installed: InstalledBundle, collection: Manifest
) -> None:
    engine = Engine.open(installed.folder)
    assert installed.bundle.coverage == 0.9
    assert engine.sets is not None
    cases = [case for case in collection.cases if case.split == "validation" and case.source == "clinic"]
    present = [case for case in cases if case.labels["pneumonia"] == 1]
    grey = np.stack([read_grey_levels(collection.path(case), EXPERIMENT.preprocessing) for case in present])
    expected = np.sort(engine.probabilities(engine.logits(grey))[:, 0])
    # The export ran one case at a time, which sums float32 in another order.
    np.testing.assert_allclose(
        np.sort(engine.sets.scores["pneumonia", Presence.PRESENT]["clinic"].values), expected, atol=1e-4
    )


def test_the_golden_answers_hold_whatever_kernels_the_runtime_chooses(installed: InstalledBundle) -> None:
    with np.load(installed.folder / "golden.npz") as golden:
        grey, expected = golden["grey"], golden["probabilities"]
    engine = Engine.open(installed.folder)
    for level in (
        onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
        onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
    ):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = level
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(installed.folder / "model.onnx"), options)
        (logits,) = session.run(["logits"], {"image": network_input(grey, EXPERIMENT.preprocessing)})
        np.testing.assert_allclose(engine.probabilities(logits), expected, atol=1e-4)
    assert len(grey) == 2


def test_nothing_is_written_over_and_nothing_left_half(exported: Exported, installed: InstalledBundle) -> None:
    with pytest.raises(BundleError, match=r"exists\. A bundle is never changed"):
        export_bundle(exported, installed.folder, "1.0.1")
    folder = installed.folder.with_name("2.0.0")
    with pytest.raises(BundleError, match="at most 0 MB are allowed"):
        export_bundle(exported, folder, "2.0.0", largest_bytes=1000)
    assert not folder.exists()
    # What the failed one left is no hindrance.
    assert export_bundle(exported, folder, "2.0.0").bundle.version == "2.0.0"
    assert {entry.name for entry in folder.parent.iterdir()} == {"1.0.0", "2.0.0"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ("pneumonia",)}, r"answers 2 labels of images \(32, 32\), but the experiment 'tiny' has 1"),
        ({"preprocessing": Preprocessing(40, 40)}, r"has 2 of \(40, 40\). Give its own network"),
    ],
)
def test_the_network_of_another_experiment_is_refused(
    change: dict[str, object], message: str, exported: Exported, tmp_path: Path
) -> None:
    network = tmp_path / "moved.keras"
    shutil.copyfile(exported.network, network)
    other = replace(exported, experiment=replace(EXPERIMENT, **change), network=network)  # type: ignore[arg-type]  # one field each
    with pytest.raises(DatasetError, match=message):
        export_bundle(other, tmp_path / "bundle", "1.0.0")


def test_a_network_is_not_calibrated_on_what_it_was_trained_on(exported: Exported, tmp_path: Path) -> None:
    swapped = {"train": "validation", "validation": "train"}
    cases = (replace(case, split=swapped.get(case.split, case.split)) for case in exported.manifest.cases)
    other = replace(exported, manifest=replace(exported.manifest, cases=tuple(cases)))
    with pytest.raises(DatasetError, match="was trained by another experiment: cases differ"):
        export_bundle(other, tmp_path / "bundle", "1.0.0")


def test_the_confidence_of_the_sets_may_be_chosen_after_training(exported: Exported, tmp_path: Path) -> None:
    surer = replace(exported, experiment=replace(EXPERIMENT, set_confidence=0.7))
    assert export_bundle(surer, tmp_path / "bundle", "1.0.0").bundle.version == "1.0.0"


def test_an_experiment_changed_since_the_run_is_refused(exported: Exported, tmp_path: Path) -> None:
    masked = replace(EXPERIMENT, masked=(Masking("clinic", "pneumonia"),))
    with pytest.raises(DatasetError, match="was trained by another experiment: cases, masked differ"):
        export_bundle(replace(exported, experiment=masked), tmp_path / "bundle", "1.0.0")


@pytest.mark.parametrize(
    ("resplit", "message"),
    [
        (lambda split: "train", "no case in the validation split"),
        (lambda split: "validation", "no annotated case in the training split"),
    ],
)
def test_a_manifest_without_a_needed_split_is_refused(
    resplit: Callable[[str], str], message: str, exported: Exported, tmp_path: Path
) -> None:
    network = tmp_path / "moved.keras"  # away from its run, which knows on what it was trained
    shutil.copyfile(exported.network, network)
    cases = tuple(replace(case, split=resplit(case.split)) for case in exported.manifest.cases)
    changed = replace(exported, network=network, manifest=replace(exported.manifest, cases=cases))
    with pytest.raises(DatasetError, match=message):
        export_bundle(changed, tmp_path / "bundle", "1.0.0")


def test_each_backbone_has_its_size() -> None:
    assert largest_bytes_of(replace(EXPERIMENT, backbone="efficientnet-lite0")) == LITE0_BYTES
    assert largest_bytes_of(replace(EXPERIMENT, backbone="efficientnet-lite2")) == LITE2_BYTES


def test_large_weights_are_stored_as_half_and_all_computed_as_single(tmp_path: Path) -> None:
    image = keras.Input((16, 16, 1), name="image")
    x = keras.layers.Conv2D(32, 3, activation="relu")(image)
    x = keras.layers.Conv2D(128, 3, activation="relu", name="features")(x)  # 36,864 weights
    x = keras.layers.GlobalAveragePooling2D(name="pooled")(x)
    model = keras.Model(image, keras.layers.Dense(2, name="head")(x))
    export_onnx(model, tmp_path / "half.onnx")
    export_onnx(model, tmp_path / "single.onnx", half=False)
    half, single = (onnx.load(tmp_path / name) for name in ("half.onnx", "single.onnx"))
    weights = {numpy_helper.to_array(weight).size: weight.data_type for weight in half.graph.initializer}
    assert weights[32 * 128 * 9] == TensorProto.FLOAT16
    assert weights[32 * 9] == weights[128 * 2] == TensorProto.FLOAT
    assert all(weight.data_type != TensorProto.FLOAT16 for weight in single.graph.initializer)
    for graph in (half, single):
        assert [entry.name for entry in graph.graph.output] == ["logits", "features"]
        assert all(entry.type.tensor_type.elem_type == TensorProto.FLOAT for entry in graph.graph.output)
    np.testing.assert_array_equal(head_weights(model)[0], model.get_layer("head").get_weights()[0])
