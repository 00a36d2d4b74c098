"""Which bundle answers, and what happens to one that cannot."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from radiolens.bundle import read_bundle, write_bundle
from radiolens.errors import BundleError, UnknownBundle, UnknownTask
from radiolens.inference.installed import find_installed
from radiolens.inference.shelf import Shelf
from tests.tiny_bundle import make_bundle, make_imported


def names(shelf: Shelf, task: str) -> list[str]:
    return [entry.bundle.name for entry in shelf.installed.of_task(task)]


def edit(folder: Path, **changes: Any) -> None:  # noqa: ANN401  any value of any field
    file = folder / "bundle.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_the_released_bundle_is_the_default_and_others_stand_behind_it(tmp_path: Path) -> None:
    make_imported(tmp_path, "braintumor")
    make_imported(tmp_path, "another")
    make_bundle(tmp_path, "brain-mri")
    shelf = Shelf.find([tmp_path])
    assert names(shelf, "brain-mri") == ["brain-mri", "another", "braintumor"]
    assert shelf.installed.asked("brain-mri").bundle.name == "brain-mri"
    assert shelf.installed.asked("brain-mri", "another").bundle.name == "another"
    assert shelf.installed.tasks == ("brain-mri",)


def test_an_imported_bundle_is_never_a_default_by_itself(tmp_path: Path) -> None:
    make_imported(tmp_path, "braintumor")
    shelf = Shelf.find([tmp_path])
    assert shelf.installed.default("brain-mri") is None
    assert shelf.installed.tasks == ()
    with pytest.raises(UnknownTask, match="Unknown task 'brain-mri'"):
        shelf.installed.asked("brain-mri")


def test_the_only_calibrated_bundle_of_a_task_is_its_default_but_not_one_of_two(tmp_path: Path) -> None:
    make_imported(tmp_path, "ours", calibrated=True)
    make_imported(tmp_path, "imported")
    default = find_installed([tmp_path]).default("brain-mri")
    assert default
    assert default.bundle.name == "ours"
    make_imported(tmp_path, "theirs", calibrated=True)
    assert find_installed([tmp_path]).default("brain-mri") is None


def test_what_is_not_there_is_told_with_what_is(tmp_path: Path) -> None:
    make_bundle(tmp_path)
    make_imported(tmp_path, "tb", "chest-xray", ["tuberculosis"])
    make_imported(tmp_path, "braintumor")
    shelf = Shelf.find([tmp_path])
    with pytest.raises(UnknownBundle, match=r"no bundle 'lung'\. Bundles: braintumor, chest-xray, tb\.") as told:
        shelf.installed.get("lung")
    assert (told.value.name, told.value.known) == ("lung", ("braintumor", "chest-xray", "tb"))
    message = r"The bundle 'braintumor' answers brain-mri, not chest-xray\. Bundles of chest-xray: chest-xray, tb\."
    with pytest.raises(UnknownBundle, match=message):
        shelf.installed.get("braintumor", "chest-xray")
    with pytest.raises(UnknownBundle, match=r"Bundles of brain-ct: none\."):
        shelf.installed.get("braintumor", "brain-ct")


def no_json(folder: Path) -> None:
    (folder / "bundle.json").write_text("{")


def deep_json(folder: Path) -> None:
    (folder / "bundle.json").write_text("[" * 100_000)


def other_format(folder: Path) -> None:
    edit(folder, format=2)


def other_place(folder: Path) -> None:
    edit(folder, name="lung")


def other_task(folder: Path) -> None:
    edit(folder, task="knee")


def other_label(folder: Path) -> None:
    edit(folder, task="chest-xray")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (no_json, "not a bundle of format 1"),
        (deep_json, "not a bundle of format 1"),
        (other_format, "made for another version of radiolens"),
        (other_place, r"holds lung 0\.0\.1\. Move it to \.\.\./lung/0\.0\.1"),
        (other_task, r"another task than this radiolens knows\. Unknown task 'knee'"),
        (other_label, "answers glioma, meningioma, no_tumour, pituitary, which chest-xray has not"),
    ],
)
def test_a_bundle_that_cannot_be_read_takes_nothing_else_down(
    tmp_path: Path, damage: Callable[[Path], None], reason: str
) -> None:
    damage(make_imported(tmp_path))
    make_bundle(tmp_path)
    shelf = Shelf.find([tmp_path])
    assert [entry.bundle.name for entry in shelf.installed.bundles] == ["chest-xray"]
    assert [(entry.name, entry.version) for entry in shelf.installed.unusable] == [("braintumor", "0.0.1")]
    with pytest.raises(BundleError, match=rf"The bundle braintumor 0\.0\.1 cannot be used\. .*{reason}"):
        shelf.installed.get("braintumor")
    assert shelf.engine("chest-xray").bundle.name == "chest-xray"


def cut_weights(folder: Path) -> None:
    (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes()[:-5])


def other_weights(folder: Path) -> None:
    cut_weights(folder)
    write_bundle(read_bundle(folder, verify=False).bundle, folder)


def unknown_operator(folder: Path) -> None:
    network = onnx.load(folder / "model.onnx")
    network.graph.node[0].op_type = "Flatten2"
    onnx.save(network, folder / "model.onnx")
    write_bundle(read_bundle(folder, verify=False).bundle, folder)


def custom_operator(folder: Path) -> None:
    network = onnx.load(folder / "model.onnx")
    network.graph.node[0].domain = "com.example"
    onnx.save(network, folder / "model.onnx")
    write_bundle(read_bundle(folder, verify=False).bundle, folder)


DAMAGES = [
    (cut_weights, r"model\.onnx has another SHA-256"),
    (other_weights, "cut off, or no ONNX file"),
    (unknown_operator, "Flatten2"),
    (custom_operator, "only operators of the ONNX standard are run"),
]


@pytest.mark.parametrize(("damage", "reason"), DAMAGES)
def test_a_network_that_cannot_be_opened_is_set_aside_and_the_others_answer(
    tmp_path: Path, damage: Callable[[Path], None], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    damage(make_imported(tmp_path))
    make_bundle(tmp_path)
    shelf = Shelf.find([tmp_path])
    with caplog.at_level(logging.WARNING):
        shelf.open_all()
    assert [entry.bundle.name for entry in shelf.installed.bundles] == ["chest-xray"]
    (unusable,) = shelf.installed.unusable
    assert "braintumor 0.0.1 cannot be used" in caplog.text
    for _ in range(2):
        with pytest.raises(BundleError, match=rf"(?s)The bundle braintumor 0\.0\.1 cannot be used\. .*{reason}"):
            shelf.engine("braintumor")
    assert shelf.installed.unusable == (unusable,)


def test_the_version_before_a_broken_one_answers_and_that_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_bundle(tmp_path / "released")
    cut_weights(make_bundle(tmp_path / "site", version="0.2.0", seed=1))
    shelf = Shelf.find([tmp_path / "released", tmp_path / "site"])
    assert shelf.installed.get("chest-xray").bundle.version == "0.2.0"
    with caplog.at_level(logging.WARNING):
        assert shelf.engine("chest-xray").bundle.version == "0.0.1"
    assert shelf.installed.get("chest-xray").bundle.version == "0.0.1"
    assert "chest-xray 0.0.1 answers in its place." in caplog.text
    assert [(entry.name, entry.version) for entry in shelf.installed.unusable] == [("chest-xray", "0.2.0")]


def test_an_opened_bundle_is_kept(tmp_path: Path) -> None:
    make_bundle(tmp_path)
    shelf = Shelf.find([tmp_path])
    assert shelf.engine("chest-xray") is shelf.engine("chest-xray")
