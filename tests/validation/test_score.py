"""Running a real, tiny bundle over the cases of a manifest."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from radiolens.data.manifest import Case, Manifest
from radiolens.errors import DatasetError
from radiolens.evaluation.controls import border_brightness_features
from radiolens.imaging.read import decode
from radiolens.inference.engine import Engine
from radiolens.inference.predict import Predictor
from radiolens.tasks import get_task
from radiolens.validation.score import control_part, score
from tests.phantoms import chest_film
from tests.tiny_bundle import make_bundle

FILMS = 5


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return Engine.open(make_bundle(tmp_path_factory.mktemp("bundles")))


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Return five films of different size beside their manifest."""
    for number in range(FILMS):
        grey = np.rint(chest_film(40 + number, 50, number) * 255).astype(np.uint8)
        Image.fromarray(grey).save(tmp_path / f"{number}.png")
    cases = tuple(Case(path=f"{number}.png", labels={"pneumonia": number % 2}) for number in range(FILMS))
    return Manifest(tmp_path / "manifest.csv", get_task("chest-xray"), cases)


def test_probabilities_are_those_that_serving_answers(engine: Engine, manifest: Manifest, tmp_path: Path) -> None:
    scored = score(engine, manifest, manifest.cases, tmp_path / "cache")
    predictor = Predictor.open([engine.installed.folder.parent.parent])
    for case, row in zip(scored.cases, scored.probabilities, strict=True):
        image = decode([manifest.path(case).read_bytes()])
        served = predictor.predict_image(image, "chest-xray", gate=False, explain=False)
        for name, probability in zip(manifest.task.label_names, row, strict=True):
            assert served.finding(name).probability == pytest.approx(probability, abs=1e-6)


def test_a_study_that_was_cut_goes_on_with_the_answers_it_has(
    engine: Engine, manifest: Manifest, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    score(engine, manifest, manifest.cases[:3], cache)
    (file,) = cache.iterdir()
    kept = file.read_text()
    file.write_text(kept + '{"image": "cut')
    whole = score(engine, manifest, manifest.cases, cache)
    lines = file.read_text().splitlines()
    assert lines[:3] == kept.splitlines()
    assert len(lines) == FILMS
    again = score(engine, manifest, manifest.cases, cache)
    np.testing.assert_array_equal(again.probabilities, whole.probabilities)
    assert file.read_text().splitlines() == lines


def test_kept_answers_are_used_by_the_content_of_the_image(engine: Engine, manifest: Manifest, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = score(engine, manifest, manifest.cases, cache)
    (manifest.file.parent / "0.png").replace(manifest.file.parent / "moved.png")
    moved = replace(manifest.cases[0], path="moved.png")
    changed = manifest.file.parent / "1.png"
    Image.fromarray(np.full((30, 30), 90, np.uint8)).save(changed)
    second = score(engine, manifest, (moved, manifest.cases[1]), cache)
    np.testing.assert_array_equal(second.probabilities[0], first.probabilities[0])
    assert not np.array_equal(second.probabilities[1], first.probabilities[1])


def test_another_bundle_keeps_its_own_answers(engine: Engine, manifest: Manifest, tmp_path: Path) -> None:
    other = Engine.open(make_bundle(tmp_path / "other", seed=1))
    first, second = (score(one, manifest, manifest.cases, tmp_path / "cache") for one in (engine, other))
    assert not np.allclose(first.probabilities, second.probabilities)
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_progress_counts_the_images(engine: Engine, manifest: Manifest, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    score(engine, manifest, manifest.cases, tmp_path / "cache", lambda done, total: told.append((done, total)))
    assert told == [(number, FILMS) for number in range(1, FILMS + 1)]


def test_the_control_sees_the_same_grey_levels_as_the_network(
    engine: Engine, manifest: Manifest, tmp_path: Path
) -> None:
    scored = score(engine, manifest, manifest.cases, tmp_path / "cache")
    part = control_part(manifest, manifest.cases, engine.bundle.preprocessing)
    assert part.cases == manifest.cases
    np.testing.assert_array_equal(part.features, border_brightness_features(scored.grey))


def test_a_manifest_that_lists_another_image_is_refused(engine: Engine, manifest: Manifest, tmp_path: Path) -> None:
    good = hashlib.sha256(manifest.path(manifest.cases[0]).read_bytes()).hexdigest()
    cases = (replace(manifest.cases[0], sha256=good), replace(manifest.cases[1], sha256="0" * 64))
    with pytest.raises(DatasetError, match=r"1\.png: the manifest expects SHA-256 0000.*found"):
        score(engine, manifest, cases, tmp_path / "cache")


def test_an_image_that_cannot_be_read_is_named(engine: Engine, manifest: Manifest, tmp_path: Path) -> None:
    (manifest.file.parent / "2.png").write_bytes(b"no picture at all")
    (manifest.file.parent / "3.png").unlink()
    for name in ("2.png", "3.png"):
        with pytest.raises(DatasetError, match=rf"{name}: .*Correct the manifest, or leave the case out\."):
            score(engine, manifest, (Case(path=name),), tmp_path / "cache")
