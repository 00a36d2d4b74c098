"""Other people's networks go in, answer as their own Keras does, and go out again.

Every import starts a process that loads TensorFlow (about 8 s of computing), so most are made once for the module.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import pytest

from radiolens.bundle import CLASS_ACTIVATION_MAP, OCCLUSION_MAP, read_bundle
from radiolens.errors import BundleError, CorruptBundle
from radiolens.imaging.preprocess import network_input
from radiolens.inference.engine import Engine
from radiolens.training.imported.give_back import FileFormat, give_back
from radiolens.training.imported.import_h5 import KNOWN_FILES, Imported, Scale, Wanted, import_network, known_files
from radiolens.training.imported.import_process import inspected, memory_bytes, run_child
from tests.hostile_keras import honest_h5, quiet_code_h5

pytestmark = pytest.mark.slow

TYPES = KNOWN_FILES["braintumor.h5"]
THIRD = Wanted("chest-xray", ("normal", "pneumonia"))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of networks as Keras 2 and 3 save them, with their answers."""
    folder = tmp_path_factory.mktemp("files")
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, "-m", "tests.training.keras_files", folder], check=True, env=quiet, timeout=600)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def imported(files: Path, home: Path) -> dict[str, Imported]:
    """Return all files as bundles, by name."""
    wanted = {**KNOWN_FILES, "transfer.h5": TYPES, "third.h5": replace(THIRD, name="third_h5"), "third.keras": THIRD}
    return {name: import_network(files / name, home / "bundles", asked) for name, asked in wanted.items()}


def differences(imported: dict[str, Imported], files: Path, columns: dict[str, list[int]]) -> dict[str, float]:
    """Return how far each bundle's probabilities are from the answers that the network's own Keras gave."""
    found = {}
    for name, entry in imported.items():
        engine = Engine.open(entry.installed.folder)
        with np.load(f"{files / name}.npz") as told:
            answers = told["answers"][:, columns.get(name, slice(None))]
            found[name] = float(np.abs(engine.probabilities(engine.logits(told["grey"])) - answers).max())
    return found


def test_every_bundle_answers_as_its_own_keras(imported: dict[str, Imported], files: Path) -> None:
    found = differences(imported, files, {"third.h5": [1], "third.keras": [1]})
    assert found.keys() == {*KNOWN_FILES, "transfer.h5", "third.h5", "third.keras"}
    assert max(found.values()) < 1e-4, found
    assert all(entry.largest_difference < 1e-4 for entry in imported.values())


def test_a_bundle_tells_where_it_is_from_and_what_is_not_known(imported: dict[str, Imported], files: Path) -> None:
    bundle = imported["braintumor.h5"].installed.bundle
    assert (bundle.name, bundle.version, bundle.task) == ("braintumor", "1.0.0", "brain-mri")
    assert bundle.labels == ("glioma", "meningioma", "no_tumour", "pituitary")
    assert (bundle.preprocessing.rows, bundle.preprocessing.columns, bundle.preprocessing.channels) == (224, 224, 3)
    assert (bundle.preprocessing.offset, bundle.preprocessing.scale) == (0.0, 255.0)
    assert not bundle.calibrated
    assert set(bundle.temperature.values()) == {1.0}
    assert set(bundle.thresholds.values()) == {0.5}
    assert bundle.threshold_evidence == "not calibrated: 0.5"
    assert bundle.provenance["format"] == "Keras 2 HDF5"
    assert bundle.provenance["ending"] == "softmax"
    assert bundle.provenance["sha256"] == inspect_sha256(files / "braintumor.h5")
    assert "radiolens does not know" in " ".join(bundle.limits)
    assert imported["Tuberculosis_model.h5"].installed.bundle.labels == ("tuberculosis",)
    assert imported["pneumonia_model.h5"].installed.bundle.preprocessing.channels == 1
    assert imported["third.keras"].installed.bundle.provenance["format"] == "Keras archive"
    assert imported["transfer.h5"].installed.bundle.provenance["left_out"] == ["RandomFlip"]


def inspect_sha256(file: Path) -> str:
    run = subprocess.run(["sha256sum", file], capture_output=True, text=True, check=True)
    return run.stdout.split()[0]


def test_networks_with_a_pooled_dense_head_get_activation_maps_and_others_occlusion(
    imported: dict[str, Imported],
) -> None:
    methods = {name: entry.installed.bundle.explanation for name, entry in imported.items()}
    pooled = {"transfer.h5", "third.h5", "third.keras"}
    assert {name for name, method in methods.items() if method == CLASS_ACTIVATION_MAP} == pooled
    assert {name for name, method in methods.items() if method == OCCLUSION_MAP} == KNOWN_FILES.keys()


def test_the_same_file_again_is_no_error_and_another_one_is(
    imported: dict[str, Imported], files: Path, home: Path
) -> None:
    again = import_network(files / "braintumor.h5", home / "bundles", TYPES)
    assert again.already_there
    assert again.installed.sha256 == imported["braintumor.h5"].installed.sha256
    with pytest.raises(BundleError, match=r"holds another network already.*another --version or --name"):
        import_network(files / "transfer.h5", home / "bundles", replace(TYPES, name="braintumor"))
    for change, told in (
        ({"labels": (*TYPES.labels[1:], TYPES.labels[0])}, "other outputs, labels: it answers"),
        ({"scale": Scale.MINUS_ONE_TO_ONE}, "other scale: it answers"),
    ):
        with pytest.raises(BundleError, match=told):
            import_network(files / "braintumor.h5", home / "bundles", replace(TYPES, **change))  # type: ignore[arg-type]  # one field each
    assert list((home / "importing").iterdir()) == []


def test_networks_go_out_again_as_h5_that_keras_2_and_3_open(
    imported: dict[str, Imported], files: Path, tmp_path: Path
) -> None:
    answers = {}
    for name in ("braintumor.h5", "transfer.h5", "third.keras"):
        file = give_back(imported[name].installed.folder, FileFormat.H5, tmp_path / f"{name}.h5")
        with np.load(f"{files / name}.npz") as told:
            image = network_input(told["grey"], imported[name].installed.bundle.preprocessing)
            answers[file] = told["answers"]
        np.save(f"{file}.npy", image)
        np.testing.assert_allclose(keras.saving.load_model(file).predict(image, verbose=0), answers[file], atol=1e-5)
    code = (
        "import sys, numpy, tf_keras\n"
        "for file in sys.argv[1:]:\n"
        "    model = tf_keras.models.load_model(file, compile=False)\n"
        "    numpy.save(file + '.answers.npy', model.predict(numpy.load(file + '.npy'), verbose=0))"
    )
    subprocess.run([sys.executable, "-c", code, *answers], check=True, capture_output=True, timeout=300)
    for file, expected in answers.items():
        np.testing.assert_allclose(np.load(f"{file}.answers.npy"), expected, atol=1e-5)


def test_a_network_goes_out_as_an_archive_and_as_onnx(
    imported: dict[str, Imported], files: Path, tmp_path: Path
) -> None:
    installed = imported["pneumonia_model.h5"].installed
    archive = give_back(installed.folder, FileFormat.KERAS, tmp_path / "back.keras")
    exported = give_back(installed.folder, FileFormat.ONNX, tmp_path / "back.onnx")
    with np.load(f"{files / 'pneumonia_model.h5'}.npz") as told:
        image = network_input(told["grey"], installed.bundle.preprocessing)
        answers = told["answers"]
    np.testing.assert_allclose(keras.saving.load_model(archive).predict(image, verbose=0), answers, atol=1e-5)
    session = onnxruntime.InferenceSession(exported)
    (logits,) = session.run(["logits"], {"image": image})
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), answers, atol=1e-4)
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["labels"]) == ["pneumonia"]
    assert json.loads(metadata["preprocessing"])["scale"] == 255.0
    assert installed.sha256 in metadata["bundle"]


def test_what_goes_out_could_come_in_again(imported: dict[str, Imported], tmp_path: Path) -> None:
    folder = imported["transfer.h5"].installed.folder
    before = inspected(folder / "network.keras")
    after = inspected(give_back(folder, FileFormat.H5, tmp_path / "again.h5"))
    assert after["format"] == "Keras 2 HDF5"
    assert [{**layer, "weights": None} for layer in after["layers"]] == [
        {**layer, "weights": None} for layer in before["layers"]
    ]


def test_a_network_that_was_changed_in_the_bundle_is_not_given_back(
    imported: dict[str, Imported], tmp_path: Path
) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(imported["braintumor.h5"].installed.folder, folder)
    shutil.copyfile(imported["third.keras"].installed.folder / "network.keras", folder / "network.keras")
    with pytest.raises(CorruptBundle, match=r"network\.keras has another SHA-256"):
        give_back(folder, FileFormat.H5, tmp_path / "back.h5")
    (folder / "network.keras").unlink()
    with pytest.raises(BundleError, match=r"holds no network\.keras.*from the folder of their run"):
        give_back(folder, FileFormat.KERAS, tmp_path / "back.keras")


def test_giving_back_never_writes_over_and_wants_the_right_ending(
    imported: dict[str, Imported], tmp_path: Path
) -> None:
    folder = imported["braintumor.h5"].installed.folder
    (tmp_path / "there.onnx").touch()
    with pytest.raises(BundleError, match=r"there\.onnx exists already"):
        give_back(folder, FileFormat.ONNX, tmp_path / "there.onnx")
    with pytest.raises(BundleError, match=r"is called \*\.h5"):
        give_back(folder, FileFormat.H5, tmp_path / "back.keras")
    with pytest.raises(BundleError, match="is no bundle"):
        give_back(tmp_path, FileFormat.ONNX, tmp_path / "new.onnx")
    assert {entry.name for entry in tmp_path.iterdir()} == {"there.onnx"}


def test_a_process_of_too_little_memory_ends_in_a_sentence(tmp_path: Path) -> None:
    file = honest_h5(tmp_path / "source")
    facts = inspected(file)
    request = {
        "facts": facts,
        "outputs": ["pneumonia"],
        "exclusive": False,
        "preprocessing": {"rows": 32, "columns": 32, "channels": 1, "fit": "stretch"},
        "limits": {"memory_bytes": 500_000_000, "cpu_seconds": 60, "file_bytes": 10_000_000},
    }
    (tmp_path / "request.json").write_text(json.dumps(request))
    np.save(tmp_path / "pictures.npy", np.zeros((1, 32, 32), np.uint8))
    with pytest.raises(BundleError, match=r"memory"):
        run_child("radiolens.training.imported.import_child", tmp_path, 500_000_000, lambda *told: None)
    assert memory_bytes(0) < 5_000_000_000


def test_code_in_what_only_training_reads_is_not_run(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    quiet_code_h5(tmp_path / "quiet.h5", canary)
    done = import_network(
        tmp_path / "quiet.h5", tmp_path / "bundles", Wanted("chest-xray", ("pneumonia",), scale=Scale.ZERO_TO_255)
    )
    assert not canary.exists()
    assert done.installed.bundle.preprocessing.scale == 1.0
    give_back(done.installed.folder, FileFormat.H5, tmp_path / "back.h5")
    assert b"system" not in (tmp_path / "back.h5").read_bytes()
    assert not canary.exists()


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Wanted("chest-xray", ("glioma",)), r"labels glioma do not fit chest-xray, whose labels are pneumonia, tub"),
        (Wanted("chest-xray", ("normal",)), r"labels normal do not fit"),
        (Wanted("brain-mri", ("glioma", "glioma")), r"labels glioma, glioma do not fit"),
        (Wanted("chest-xray", ("pneumonia",), name="chest-xray"), r"cannot be called 'chest-xray'"),
        (Wanted("chest-xray", ("pneumonia",), name="../evil"), r"cannot be called '\.\./evil'"),
        (Wanted("chest-xray", ("pneumonia",), version="latest"), r"cannot be called 'honest' 'latest'"),
    ],
)
def test_wrong_wishes_are_refused(wanted: Wanted, message: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=message):
        import_network(honest_h5(tmp_path / "honest.h5"), tmp_path / "bundles", wanted)
    assert not (tmp_path / "bundles").exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"none\.h5: There is no such file"):
        import_network(tmp_path / "none.h5", tmp_path / "bundles", THIRD)


def test_the_known_files_are_found_by_name(files: Path, tmp_path: Path) -> None:
    assert {file.name for file in known_files(files)} == KNOWN_FILES.keys()
    assert known_files(tmp_path) == []


def test_a_bundle_keeps_to_its_hashes(imported: dict[str, Imported]) -> None:
    for entry in imported.values():
        assert read_bundle(entry.installed.folder).sha256 == entry.installed.sha256
