"""Bundles on disk: whole or refused, with evidence that is bound to them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from radiolens.bundle import (
    FORMAT,
    NETWORK_FILES,
    RELEASED,
    SITE_BYTES,
    find_bundles,
    read_bundle,
    verify_evidence,
    write_bundle,
    write_evidence_hashes,
)
from radiolens.errors import BundleError, CorruptBundle
from tests.tiny_bundle import make_bundle
from tests.tiny_gate import make_gate


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_bundle(tmp_path)


@pytest.fixture
def sealed(folder: Path) -> Path:
    (folder / "evidence" / "more").mkdir(parents=True)
    (folder / "evidence" / "evaluation.json").write_text("{}")
    (folder / "evidence" / "more" / "curves.txt").write_text("curves")
    write_evidence_hashes(folder)
    return folder


def edit(folder: Path, change: Callable[[dict[str, object]], object]) -> None:
    file = folder / "bundle.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def test_a_bundle_survives_being_written_and_read(folder: Path) -> None:
    before = read_bundle(folder)
    again = write_bundle(before.bundle, folder)
    assert again == before
    assert (again.identity.name, again.identity.version) == ("chest-xray", "0.0.1")
    assert again.identity.sha256 == again.sha256


def test_a_field_that_was_added_later_is_written_only_where_it_differs(folder: Path) -> None:
    before = read_bundle(folder)
    assert before.bundle.calibrated
    assert "calibrated" not in json.loads((folder / "bundle.json").read_text())
    assert write_bundle(before.bundle, folder).sha256 == before.sha256
    imported = write_bundle(replace(before.bundle, calibrated=False), folder)
    assert json.loads((folder / "bundle.json").read_text())["calibrated"] is False
    assert not read_bundle(folder).bundle.calibrated
    assert not imported.identity.calibrated
    assert imported.sha256 != before.sha256


def test_bias_and_coverage_are_written_where_a_bundle_has_them(folder: Path) -> None:
    before = read_bundle(folder)
    assert (dict(before.bundle.bias), before.bundle.coverage) == ({}, 0.0)
    assert not {"bias", "coverage", "coverage_confidence"} & json.loads((folder / "bundle.json").read_text()).keys()
    bias = {"pneumonia": 0.5, "tuberculosis": -1.0}
    written = write_bundle(replace(before.bundle, bias=bias, coverage=0.9), folder)
    assert (written.bundle.bias, written.bundle.coverage, written.bundle.coverage_confidence) == (bias, 0.9, 0.0)
    surer = write_bundle(replace(written.bundle, coverage_confidence=0.7), folder)
    assert read_bundle(folder).bundle.coverage_confidence == surer.bundle.coverage_confidence == 0.7
    assert json.loads((folder / "bundle.json").read_text())["bias"] == bias


def test_the_identity_changes_with_every_value_and_every_file(folder: Path) -> None:
    first = read_bundle(folder)
    other = write_bundle(replace(first.bundle, thresholds={**first.bundle.thresholds, "pneumonia": 0.25}), folder)
    assert other.sha256 != first.sha256
    (folder / "golden.npz").write_bytes((folder / "golden.npz").read_bytes() + b"\0")
    assert write_bundle(first.bundle, folder).sha256 != first.sha256


@pytest.mark.parametrize("name", NETWORK_FILES)
def test_a_changed_or_missing_file_is_named(name: str, folder: Path) -> None:
    bundle = read_bundle(folder).bundle
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(CorruptBundle, match=f"{name} has another SHA-256: expected [0-9a-f]+, found [0-9a-f]+"):
        read_bundle(folder)
    (folder / name).unlink()
    with pytest.raises(CorruptBundle, match=f"{name} has another SHA-256: expected .* found no file"):
        read_bundle(folder)
    with pytest.raises(BundleError, match=f"{name} must be there before"):
        write_bundle(bundle, folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(format=FORMAT + 1), "made for another version of radiolens"),
        (lambda content: content.pop("limits"), r"it lacks \['limits'\]"),
        (lambda content: content.update(extra=1), r"has the unknown \['extra'\]"),
        (lambda content: content.update(labels=["a", "a"]), "labels must be different names"),
        (lambda content: content.update(labels=[]), "labels must be different names"),
        (lambda content: content.update(exclusive=1), "exclusive must be bool, found int"),
        (lambda content: content.update(calibrated=1), "calibrated must be bool, found int"),
        (lambda content: content.update(bias={"pneumonia": 0.1}), "bias must name the labels pneumonia, tuberculosis"),
        (lambda content: content.update(coverage=1), "coverage must be at least 0 and below 1, found 1"),
        (lambda content: content.update(coverage="0.9"), "coverage must be a number, found '0.9'"),
        (lambda content: content.update(explanation="words"), "must be class-activation-map or occlusion-map, found"),
        (
            lambda content: content.update(exclusive=True, labels=["a"], temperature={"a": 1.0}, thresholds={"a": 0.5}),
            r"exclusive labels must be at least two, found \['a'\]",
        ),
        (lambda content: content["preprocessing"].update(rows=100_000), "rows and columns may be 2048 at most"),
        (lambda content: content["preprocessing"].update(channels=2), "channels 1 or 3"),
        (lambda content: content.update(version=1), "version must be str, found int"),
        (lambda content: content["thresholds"].pop("pneumonia"), "thresholds must name the labels"),
        (lambda content: content["thresholds"].update(pneumonia="0.5"), "thresholds must be a number, found '0.5'"),
        (lambda content: content["temperature"].update(pneumonia=0), "temperature must be above 0, found 0"),
        (lambda content: content["preprocessing"].update(rows=0), "must be at least 1"),
        (lambda content: content["preprocessing"].update(rows=True), "rows must be int, found bool"),
        (lambda content: content["preprocessing"].update(scale=0), "scale must be above 0"),
        (lambda content: content["preprocessing"].update(fit="melt"), "'melt' is not a valid Fit"),
        (lambda content: content["preprocessing"].update(percentiles=[1]), "not enough values"),
        (lambda content: content["preprocessing"].pop("fit"), r"preprocessing lacks \['fit'\]"),
        (lambda content: content.update(files=[]), "files must be dict"),
    ],
)
def test_a_bundle_that_says_something_else_is_refused(
    change: Callable[[dict[str, object]], object], message: str, folder: Path
) -> None:
    edit(folder, change)
    with pytest.raises(BundleError, match=message):
        read_bundle(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", "{}", '"x"'])
def test_what_is_no_bundle_is_refused(text: str, folder: Path) -> None:
    (folder / "bundle.json").write_text(text)
    with pytest.raises(BundleError, match="not a bundle of format 1"):
        read_bundle(folder)


def test_a_folder_without_a_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"there is no bundle\.json"):
        read_bundle(tmp_path)


def test_a_bundle_over_its_size_is_refused(folder: Path) -> None:
    with pytest.raises(BundleError, match=r"at most 0 MB are allowed. Use a smaller network"):
        write_bundle(read_bundle(folder).bundle, folder, largest_bytes=100)


def test_a_bundle_too_large_to_be_opened_is_refused_before_it_is_hashed(folder: Path) -> None:
    with (folder / "model.onnx").open("ab") as stream:
        stream.truncate(SITE_BYTES)
    with pytest.raises(BundleError, match=r"1000 MB, at most 1000 MB are opened"):
        read_bundle(folder)


def test_what_a_bundle_says_can_be_read_without_its_hashes(folder: Path) -> None:
    before = read_bundle(folder)
    (folder / "model.onnx").write_bytes(b"other")
    assert read_bundle(folder, verify=False) == before


def test_the_newest_version_of_a_bundle_is_found(tmp_path: Path) -> None:
    for place, version in ((tmp_path / "a", "0.9.0"), (tmp_path / "a", "0.10.0"), (tmp_path / "b", "0.2.0")):
        make_bundle(place, version=version)
    make_bundle(tmp_path / "b", task="brain-mri", version="1.0.0")
    make_gate(tmp_path / "b")  # answers no task
    found = find_bundles([tmp_path / "a", tmp_path / "b", tmp_path / "missing"])
    assert {name: (place.parent.parent.name, place.name) for name, place in found.items()} == {
        "chest-xray": ("a", "0.10.0"),
        "brain-mri": ("b", "1.0.0"),
    }


def test_evidence_is_whole_and_not_part_of_the_identity(sealed: Path) -> None:
    before = read_bundle(sealed).sha256
    verify_evidence(sealed)
    listed = json.loads((sealed / "evidence" / "hashes.json").read_text())
    assert listed["bundle"] == before
    assert set(listed["files"]) == {"evaluation.json", "more/curves.txt"}
    shutil.rmtree(sealed / "evidence")
    assert read_bundle(sealed).sha256 == before


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda evidence: (evidence / "evaluation.json").write_text("{ }"), "evaluation.json has another SHA-256"),
        (lambda evidence: (evidence / "more" / "curves.txt").unlink(), "curves.txt has another SHA-256: .*no file"),
        (lambda evidence: (evidence / "new.txt").write_text("x"), "files that are not listed: .*new.txt"),
        (lambda evidence: edit(evidence.parent, lambda content: content.update(version="9")), "another bundle"),
    ],
)
def test_changed_evidence_is_refused(damage: Callable[[Path], object], message: str, sealed: Path) -> None:
    damage(sealed / "evidence")
    with pytest.raises(CorruptBundle, match=message):
        verify_evidence(sealed)


@pytest.mark.parametrize("text", [None, "", "[]", "{}", '{"bundle": "x", "files": []}'])
def test_evidence_without_a_list_of_hashes_is_refused(text: str | None, sealed: Path) -> None:
    listing = sealed / "evidence" / "hashes.json"
    listing.unlink()
    if text is not None:
        listing.write_text(text)
    with pytest.raises(BundleError, match="no list of hashes"):
        verify_evidence(sealed)


@pytest.mark.parametrize(
    "folder", find_bundles([RELEASED]).values(), ids=lambda folder: f"{folder.parent.name} {folder.name}"
)
def test_the_released_bundles_are_whole(folder: Path) -> None:
    assert read_bundle(folder).bundle.name == folder.parent.name
