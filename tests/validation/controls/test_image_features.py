"""Features of images, read once and kept; and the controls on real images with the real ImageNet network."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from radiolens.data.manifest import Case, Manifest
from radiolens.data.sources import brain_mri, chest_xray
from radiolens.errors import DatasetError
from radiolens.evaluation.controls import border_brightness_features
from radiolens.imaging.preprocess import grey_levels
from radiolens.imaging.read import decode
from radiolens.inference.engine import Engine
from radiolens.validation.controls.feature_questions import TYPE
from radiolens.validation.controls.feature_store import open_feature_store
from radiolens.validation.controls.feature_studies import FeatureStudies, feature_studies
from radiolens.validation.controls.image_features import BORDERS, BUNDLE, IMAGENET, read_features
from radiolens.validation.plan import Plan
from radiolens.validation.questions import Scored
from tests.phantoms import chest_film
from tests.shared_data import SHARED, needs_shared_data
from tests.tiny_bundle import CHANNELS, SIDE, make_bundle
from tests.validation.scored_cases import CHEST

PLAN = Plan(seed=0, resamples=100, trees=20)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine.open(make_bundle(tmp_path / "bundles"), threads=1)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Return a cache with a network of means of blocks, in place of the ImageNet one, whose export takes TensorFlow."""
    nodes = [
        helper.make_node("Transpose", ["image"], ["first"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["first"], ["blocks"], kernel_shape=[56, 56], strides=[56, 56]),
        helper.make_node("Flatten", ["blocks"], ["logits"]),
    ]
    inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 224, 224, 1])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 16])]
    graph = helper.make_graph(nodes, "blocks", inputs, outputs)
    folder = tmp_path / "work"
    folder.mkdir()
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.save(model, folder / "efficientnet-lite0-224.onnx")
    return folder


def films(folder: Path, count: int = 6) -> Manifest:
    cases = []
    for number in range(count):
        grey = np.rint(255 * chest_film(SIDE, SIDE, seed=number)).astype(np.uint8)
        Image.fromarray(grey).save(folder / f"{number}.png")
        cases.append(Case(path=f"{number}.png", source="a", labels={"pneumonia": number % 2, "tuberculosis": None}))
    return Manifest(folder / "manifest.csv", CHEST, tuple(cases))


def test_features_are_those_of_borders_and_of_both_networks(engine: Engine, cache: Path, tmp_path: Path) -> None:
    manifest = films(tmp_path)
    found = read_features(engine, manifest, manifest.cases, cache)
    image = decode([(tmp_path / "3.png").read_bytes()])
    grey = grey_levels(image.pixels[0], image.unit, engine.bundle.preprocessing)
    assert {kind: values.shape for kind, values in found.kinds.items()} == {
        BORDERS: (6, 12),
        IMAGENET: (6, 16),
        BUNDLE: (6, CHANNELS),
    }
    assert found.kinds[BORDERS][3] == pytest.approx(border_brightness_features([grey])[0])
    # What is kept is rounded to half floats, 2**-11 of the value.
    assert found.kinds[BUNDLE][3] == pytest.approx(engine.run(grey[np.newaxis])[1].mean(axis=(1, 2))[0], rel=1e-3)


class Cut(Exception):
    """Stands for a kill between two images."""


def test_a_cut_reading_goes_on_after_the_last_image(engine: Engine, cache: Path, tmp_path: Path) -> None:
    manifest = films(tmp_path)

    def cut(stage: str, done: int, total: int) -> None:
        if done == 4:
            raise Cut

    with pytest.raises(Cut):
        read_features(engine, manifest, manifest.cases, cache, cut)
    with open_feature_store(cache, engine.installed.sha256) as store:
        assert len(store.known()) == 4
    told: list[tuple[str, int, int]] = []
    whole = read_features(engine, manifest, manifest.cases, cache, lambda *step: told.append(step))
    assert told == [("Reading features", number, 6) for number in range(1, 7)]
    anew = read_features(engine, manifest, manifest.cases[::-1], cache)
    assert np.array_equal(anew.kinds[IMAGENET], whole.kinds[IMAGENET][::-1])


def test_kept_features_are_used_and_those_of_another_bundle_are_not(
    engine: Engine, cache: Path, tmp_path: Path
) -> None:
    manifest = films(tmp_path, 1)
    read_features(engine, manifest, manifest.cases, cache)
    (file,) = cache.glob("features-*.sqlite")
    with sqlite3.connect(file) as connection:
        connection.execute("update features set borders = ?", (np.full(12, 7.0).tobytes(),))
    connection.close()
    assert (read_features(engine, manifest, manifest.cases, cache).kinds[BORDERS] == 7.0).all()
    other = Engine.open(make_bundle(tmp_path / "others", seed=1), threads=1)
    assert not (read_features(other, manifest, manifest.cases, cache).kinds[BORDERS] == 7.0).any()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.unlink(), "No such file.*Correct the manifest"),
        (lambda file: file.write_bytes(b"no image"), "Correct the manifest, or leave the case out"),
        (lambda file: file.write_bytes(b"other"), "the manifest expects SHA-256"),
    ],
    ids=["missing", "no image", "another image"],
)
def test_an_image_that_cannot_be_read_is_named(
    damage: object, message: str, engine: Engine, cache: Path, tmp_path: Path
) -> None:
    manifest = films(tmp_path, 1)
    file = tmp_path / "0.png"
    if "SHA-256" in message:
        known = hashlib.sha256(file.read_bytes()).hexdigest()
        manifest = replace(manifest, cases=(replace(manifest.cases[0], sha256=known),))
    assert callable(damage)
    damage(file)
    with pytest.raises(DatasetError, match=rf"0\.png: .*{message}"):
        read_features(engine, manifest, manifest.cases, cache)


def test_a_damaged_store_is_told(engine: Engine, cache: Path, tmp_path: Path) -> None:
    (cache / f"features-1-{engine.installed.sha256[:16]}.sqlite").write_bytes(b"no database " * 100)
    with pytest.raises(DatasetError, match=r"cannot be used .* Delete the file"):
        read_features(engine, films(tmp_path, 1), (), cache)


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a cache into which the first test exports the real network."""
    return tmp_path_factory.mktemp("imagenet")


@pytest.mark.slow  # the network is exported in a process of its own: 12 s of CPU
@needs_shared_data
def test_a_corner_mark_on_one_hospitals_films_is_exposed(engine: Engine, imagenet: Path, tmp_path: Path) -> None:
    manifest = chest_xray.load(SHARED / "chest-xray")
    chosen = list(two_hospitals(manifest))
    (clean,) = written(manifest, chosen, tmp_path / "clean", engine, imagenet, mark=False).source_probe.answers
    found = written(manifest, chosen, tmp_path / "marked", engine, imagenet, mark=True)
    (marked,) = found.source_probe.answers
    assert (clean.exposed, marked.exposed) == (False, True)
    assert "an AUROC over the sources shows little" in marked.verdict
    assert all(row.holds for row in found.random_labels)


def two_hospitals(manifest: Manifest) -> Iterator[Case]:
    """Yield 120 patients of one real hospital, as if of two, of which the first has most of the pneumonia."""
    wanted = Counter({("a", 1): 45, ("a", 0): 15, ("b", 1): 15, ("b", 0): 45})
    patients: set[str] = set()
    for case in manifest.cases:
        answer = case.labels["pneumonia"]
        source = next((name for name in "ab" if wanted[name, answer] > 0), "")
        if case.source == "guangzhou" and case.split == "train" and source and case.patient_id not in patients:
            wanted[source, answer] -= 1
            patients.add(case.patient_id)
            yield replace(case, source=source)


def written(
    manifest: Manifest, cases: Sequence[Case], folder: Path, engine: Engine, cache: Path, *, mark: bool
) -> FeatureStudies:
    """Write the films, with a white corner on those of source a if wanted, and study them."""
    for case in cases:
        file = folder / case.path
        file.parent.mkdir(parents=True, exist_ok=True)
        grey = np.asarray(Image.open(manifest.path(case)).convert("L")).copy()
        if mark and case.source == "a":
            grey[4:16, 4:28] = 255
        Image.fromarray(grey).save(file, quality=95)
    own = Manifest(folder / "manifest.csv", CHEST, tuple(cases))
    return feature_studies(engine, own, nothing_scored(), cache, PLAN)


def nothing_scored() -> Scored:
    return Scored((), np.zeros((0, 2)), np.zeros((0, 1, 1), np.uint8))


@pytest.mark.slow  # as above
@needs_shared_data
def test_a_slice_level_split_of_figshare_scores_higher_and_the_report_says_why(
    engine: Engine, imagenet: Path, tmp_path: Path
) -> None:
    manifest = brain_mri.load(SHARED / "brain-mri")
    part = replace(manifest, cases=tuple(neighbours(manifest)))
    found = feature_studies(engine, part, nothing_scored(), imagenet, PLAN)
    rows = [row for row in found.cross_validation if row.question == TYPE]
    assert {(row.head, row.measure) for row in rows} == {
        (head, measure) for head in ("linear", "nearest neighbour") for measure in ("auroc", "macro_f1")
    }
    for row in rows:
        assert row.difference.low > 0.0
        assert row.sharing > 1.5 * row.sharing_by_chance
        assert "neighbouring slices or repeated images of the same patient stand in both halves" in row.verdict
        assert f"of {row.sharing} of {row.cases} held-out images" in row.verdict
    assert min(row.difference.estimate for row in rows if row.measure == "macro_f1") > 0.03


def neighbours(manifest: Manifest) -> Iterator[Case]:
    """Yield the first 24 slices, by number, of each type in each fold: neighbours of some patients."""
    seen: Counter[tuple[int | None, frozenset[str]]] = Counter()
    for case in sorted(manifest.cases, key=lambda case: (len(case.path), case.path)):
        if case.source == "figshare":
            seen[case.fold, case.possible] += 1
            if seen[case.fold, case.possible] <= 24:
                yield case
