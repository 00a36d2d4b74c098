import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from radiolens.bundle import read_bundle
from radiolens.errors import BundleError, CorruptBundle
from radiolens.image import Unit
from radiolens.inference.gate_bundle import find_gate, read_gate
from radiolens.inference.gate_network import GateNetwork, Reference
from radiolens.inference.installed import find_installed
from radiolens.safety.sight import Kind
from tests.tiny_bundle import make_bundle
from tests.tiny_gate import KINDS, SIDE, make_gate


def split(upper: float, lower: float, side: int = SIDE) -> np.ndarray:
    """Return a picture (side, side) with two brightnesses."""
    return np.repeat(np.float32([upper, lower]), side // 2)[:, None] * np.ones((1, side), np.float32)


def test_it_says_what_it_sees(tmp_path: Path) -> None:
    # The brighter the upper half, the likelier a brain CT; the brighter the lower half, the more it looks inverted.
    kernel = np.zeros((4, 8), np.float32)
    kernel[:2, KINDS.index(Kind.BRAIN_CT)] = 4
    kernel[2:, 6] = 4
    network = GateNetwork.open(make_gate(tmp_path, kernel, np.zeros(8, np.float32)))
    bright_above = network.look(split(1, 0), Unit.UNIT_INTERVAL)
    assert bright_above.likeliest is bright_above.believed is Kind.BRAIN_CT
    assert sum(bright_above.kinds.values()) == pytest.approx(1)
    assert bright_above.inverted < 0.01 < bright_above.rotated == pytest.approx(0.5)
    bright_below = network.look(split(0, 1), Unit.UNIT_INTERVAL)
    assert bright_below.inverted > 0.99
    assert bright_below.kinds[Kind.BRAIN_CT] < 0.01
    assert bright_below.believed is None  # every other kind is as likely


def test_what_it_sees_does_not_hang_on_size_or_scale_of_the_pixels(tmp_path: Path) -> None:
    network = GateNetwork.open(make_gate(tmp_path, np.ones((4, 8), np.float32), np.zeros(8, np.float32)))
    small = network.look(split(0.2, 0.7), Unit.UNIT_INTERVAL)
    large = network.look(split(200, 700, 512), Unit.ARBITRARY)
    assert large.kinds == pytest.approx(dict(small.kinds), abs=1e-3)


def test_the_operating_points_travel_with_what_was_seen(tmp_path: Path) -> None:
    limits = {"kind": 0.7, "rotated": 0.8, "inverted": 0.9, "cropped": 0.95, "distance": 0.999}
    network = GateNetwork.open(make_gate(tmp_path, refuse_from=limits))
    assert network.look(split(0, 1), Unit.UNIT_INTERVAL).refuse_from == limits


def test_temperatures_are_those_of_kinds_and_defects(tmp_path: Path) -> None:
    bias = np.array([3.0, 0, 0, 0, 0, 2, 2, 2], np.float32)
    warm = {"kind": 3.0, "rotated": 1.0, "inverted": 2.0, "cropped": 4.0}
    network = GateNetwork.open(make_gate(tmp_path, bias=bias, temperature=warm))
    seen = network.look(split(0, 1), Unit.UNIT_INTERVAL)
    assert seen.kinds[Kind.CHEST_FRONTAL] == pytest.approx(np.e / (np.e + 4), abs=1e-4)
    expected = [1 / (1 + np.exp(-2 / temperature)) for temperature in (1, 2, 4)]
    assert [seen.rotated, seen.inverted, seen.cropped] == pytest.approx(expected, abs=1e-4)


def somewhat_inverted(folder: Path, *second_look: str) -> GateNetwork:
    """Return a gate that takes every picture for inverted, and bright ones more so."""
    kernel, bias = np.zeros((4, 8), np.float32), np.zeros(8, np.float32)
    kernel[:, 6], bias[6] = 1.0, 3.0
    return GateNetwork.open(make_gate(folder, kernel, bias, second_look=second_look))


def corner(edge: float, middle: float, side: int = SIDE) -> np.ndarray:
    """Return a picture (side, side) of one brightness, with an eighth of it in another."""
    picture = np.full((side, side), middle, np.float32)
    picture[: side // 8] = edge
    return picture


@pytest.mark.parametrize("unit", [Unit.UNIT_INTERVAL, Unit.HOUNSFIELD])
def test_what_looks_inverted_is_believed_only_if_its_inverse_looks_less_so(tmp_path: Path, unit: Unit) -> None:
    low, high = (0.0, 80.0) if unit is Unit.HOUNSFIELD else (0.1, 0.9)
    dark, bright = corner(high, low), corner(low, high)
    once, twice = somewhat_inverted(tmp_path / "once"), somewhat_inverted(tmp_path / "twice", "inverted")
    assert once.look(dark, unit).inverted >= 0.5
    assert twice.look(dark, unit).inverted < 0.01
    assert twice.look(bright, unit).inverted > 0.99
    for seen in (once.look(bright, unit), twice.look(bright, unit)):
        assert seen.inverted <= 1 / (1 + np.exp(-6.9))  # a second look makes nobody surer


def test_what_does_not_look_inverted_is_looked_at_once(tmp_path: Path) -> None:
    limits = {"kind": 0.5, "rotated": 0.5, "inverted": 0.9, "cropped": 0.5, "distance": 0.99}
    kernel, bias = np.zeros((4, 8), np.float32), np.zeros(8, np.float32)
    kernel[:, 6], bias[6] = 1.0, 4.5  # a dark picture stays below the limit, though its inverse looks more inverted
    dark, seen = corner(0.9, 0.1), []
    for name, second_look in (("once", ()), ("twice", ("inverted",))):
        folder = make_gate(tmp_path / name, kernel, bias, refuse_from=limits, second_look=second_look)
        seen.append(GateNetwork.open(folder).look(dark, Unit.UNIT_INTERVAL).inverted)
    assert seen[0] == seen[1] == pytest.approx(0.82, abs=0.01)


def test_a_gate_of_before_has_no_second_look(tmp_path: Path) -> None:
    folder = make_gate(tmp_path)
    content = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    del content["second_look"]
    (folder / "bundle.json").write_text(json.dumps(content), encoding="utf-8")
    assert read_gate(folder).bundle.second_look == ()


def test_distance_is_the_share_of_held_out_pictures_that_lie_nearer() -> None:
    reference = Reference(
        projection=np.eye(2, dtype=np.float32) * 2,
        offset=np.zeros(2, np.float32),
        centres=np.float32([[0, 0], [20, 0]]),
        distances=np.float32([1, 2, 3, 4]),
    )
    pooled = np.float32([[0, 0], [0, 1.25], [9, 0], [10, 0], [100, 0]])
    assert reference.to_nearest(pooled).tolist() == pytest.approx([0, 2.5, 2, 0, 180])
    assert reference.distance(pooled).tolist() == [0, 0.5, 0.25, 0, 1]


def test_a_gate_is_found_by_its_name_newest_first_and_is_no_bundle_of_a_task(tmp_path: Path) -> None:
    assert find_gate([tmp_path]) is None
    make_bundle(tmp_path)
    older, newer = make_gate(tmp_path, version="0.9.0"), make_gate(tmp_path, version="0.10.0")
    assert find_gate([tmp_path]) == newer != older
    installed = find_installed([tmp_path])
    assert [entry.bundle.name for entry in installed.bundles] == ["chest-xray"]
    assert installed.unusable == ()


def test_its_identity_is_the_hash_of_its_description(tmp_path: Path) -> None:
    first, second = (make_gate(tmp_path / name) for name in "ab")
    assert read_gate(first).sha256 == read_gate(second).sha256
    assert read_gate(first).identity.name == "gate"
    changed = make_gate(tmp_path / "c", limits=("Another.",))
    assert read_gate(changed).sha256 != read_gate(first).sha256


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    folder = make_gate(tmp_path)
    with (folder / "reference.npz").open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(CorruptBundle, match=r"reference\.npz has another SHA-256"):
        GateNetwork.open(folder)


def test_a_network_that_answers_otherwise_than_it_did_is_refused(tmp_path: Path) -> None:
    folder = make_gate(tmp_path)
    bundle = read_gate(folder).bundle
    with np.load(folder / "golden.npz") as golden:
        np.savez(folder / "golden.npz", grey=golden["grey"], probabilities=golden["probabilities"] + 0.01)
    rewrite(folder, {})
    with pytest.raises(CorruptBundle, match="no longer gives the stored answers"):
        GateNetwork.open(folder)
    assert bundle.version


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kinds": ["chest_frontal", "brain_mr"]}, "every kind and defect once"),
        ({"kinds": ["chest_frontal", "chest_lateral", "brain_mr", "brain_ct", "dog"]}, "dog"),
        ({"refuse_from": {"kind": 0.5}}, "refuse_from must name kind, rotated, inverted, cropped, distance"),
        ({"temperature": {"kind": 0, "rotated": 1, "inverted": 1, "cropped": 1}}, "temperature must be above 0"),
        ({"name": "chest-xray"}, "expected the name 'gate'"),
        ({"more": 1}, "more"),
        ({"second_look": ["cropped"]}, r"second_look to name some of inverted, found \['cropped'\]"),
        ({"format": 99}, "another version of radiolens"),
    ],
)
def test_a_description_that_is_none_is_refused(tmp_path: Path, change: dict[str, object], told: str) -> None:
    folder = make_gate(tmp_path)
    rewrite(folder, change)
    with pytest.raises(BundleError, match=told):
        read_gate(folder)


def test_arrays_of_another_shape_are_refused(tmp_path: Path) -> None:
    folder = make_gate(tmp_path)
    with np.load(folder / "golden.npz") as golden:
        np.savez(folder / "golden.npz", grey=golden["grey"], probabilities=golden["probabilities"][:, :4])
    rewrite(folder, {})
    with pytest.raises(BundleError, match=r"not what bundle\.json describes"):
        GateNetwork.open(folder)


def test_a_bundle_of_a_task_is_no_gate_and_a_gate_none_of_a_task(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="expected the name 'gate'"):
        read_gate(make_bundle(tmp_path))
    with pytest.raises(BundleError, match="not a bundle of format 1"):
        read_bundle(make_gate(tmp_path))


def rewrite(folder: Path, change: dict[str, object]) -> None:
    """Change bundle.json, with the hashes of the files as they are now."""

    content = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    content["files"] = {name: sha256((folder / name).read_bytes()).hexdigest() for name in content["files"]}
    (folder / "bundle.json").write_text(json.dumps(content | change), encoding="utf-8")
