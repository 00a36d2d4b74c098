"""The script that counts refusals: its lines, on real pictures where they are and on generated ones."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from benchmarks.refusals import (
    Picture,
    distance_lines,
    exposure_lines,
    mahalanobis,
    nearest,
    outside,
    pooled_features,
)
from radiolens.inference.engine import Engine
from tests.phantoms import chest_film
from tests.project.source_tree import ROOT
from tests.shared_data import SHARED, needs_shared_data
from tests.tiny_bundle import make_bundle

LINE = re.compile(r"(.+?) +(\d+) pictures, refused +([\d.]+)% \(([\d.]+)% to ([\d.]+)%\)")


def films(folder: Path, count: int, split: str, of: str = "chest-xray") -> list[Picture]:
    """Write noisy films, and return them as pictures of one source."""
    found = []
    for seed in range(count):
        file = folder / f"{split}-{seed}.png"
        PIL.Image.fromarray(np.rint(chest_film(90, 80, seed) * 255).astype(np.uint8)).save(file)
        found.append(Picture(file, of, "clinic", split, "clinic"))
    return found


def shares(lines: list[str]) -> dict[str, float]:
    """Return the share refused by the name of the line, in percent, after a look at its interval."""
    found = {}
    for line in lines:
        match = LINE.fullmatch(line)
        assert match, line
        share, low, high = (float(match[number]) for number in (3, 4, 5))
        assert low <= share <= high
        found[match[1]] = share
    return found


def test_films_pass_and_the_same_with_too_little_or_too_much_light_are_refused(tmp_path: Path) -> None:
    found = shares(list(exposure_lines("chest-xray", films(tmp_path, 20, "validation"))))
    assert found == {"clinic, genuine": 0.0, "clinic, too_dark": 100.0, "clinic, too_bright": 100.0}


def test_films_are_near_the_training_films_and_patches_are_not(tmp_path: Path) -> None:
    own = [*films(tmp_path, 40, "train"), *films(tmp_path, 20, "validation")]
    file = tmp_path / "patches.png"
    coarse = np.random.default_rng(0).random((9, 8)) < 0.2
    PIL.Image.fromarray(np.kron(coarse, np.full((10, 10), 255)).astype(np.uint8)).save(file)
    engine = Engine.open(make_bundle(tmp_path / "bundles"))
    patches = Picture(file, "others", "patches", "train", "")
    pooled = {entry: pooled_features(engine, entry.file) for entry in (*own, patches)}
    found = shares(list(distance_lines(pooled, own, [patches])))
    assert found == {"clinic, validation": 0.0, "others/patches": 100.0}


def test_too_few_training_pictures_are_told(tmp_path: Path) -> None:
    own = films(tmp_path, 5, "train")
    assert list(distance_lines({entry: np.ones(8, np.float32) for entry in own}, own, [])) == [
        "too few training pictures"
    ]


def test_within_few_components_a_gaussian_does_not_see_what_lies_outside_of_them(rng: np.random.Generator) -> None:
    known = np.zeros((300, 200), np.float32)
    known[:, :80] = rng.gamma(2.0, 1.0, (300, 80))
    strange = known[:1].copy()
    strange[0, 150] = 20.0
    for distance in (outside, nearest):
        assert distance(known, strange)[0] > 1.5 * distance(known, known[1:]).max()
    assert mahalanobis(known, strange)[0] < np.quantile(mahalanobis(known, known), 0.995)


@pytest.mark.slow
@needs_shared_data
def test_the_script_prints_both_tables_for_real_pictures() -> None:
    command = [sys.executable, "benchmarks/refusals.py", str(SHARED), "--images", "25"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "exposure, seed 0" in done.stdout
    assert "distance, chest-xray" in done.stdout
    assert "methods, brain-mri" in done.stdout
    found = shares([line for line in done.stdout.splitlines() if "pictures, refused" in line])
    assert found["guangzhou, genuine"] == 0.0
    assert found["nih, too_dark"] == 100.0
