"""One small collection and one finished run for all tests of training, since TensorFlow is slow to trace a network."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from radiolens.data.manifest import Case, Manifest, write_manifest
from radiolens.tasks import get_task
from radiolens.training.checkpoints import Epoch
from radiolens.training.train import Watcher, train
from tests.phantoms import chest_film
from tests.training.tiny_experiment import EXPERIMENT

SIDES = ((1, 0), (0, 0), (None, 1), (0, None))
"""Pneumonia and tuberculosis of the cases in turn, some not annotated."""


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, its network, all that it told, and a copy of the folder after each epoch."""

    folder: Path
    network: Path
    epochs: tuple[Epoch, ...]
    stages: tuple[tuple[str, int, int], ...]
    after: tuple[Path, ...]


@pytest.fixture(scope="session")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Return 48 films of two clinics, whose brightness tells the finding; half train, half validation, on disk."""
    folder = tmp_path_factory.mktemp("collection")
    cases = []
    for number in range(48):
        pneumonia, tuberculosis = SIDES[number % 4]
        film = chest_film(40, 40, seed=number) * (0.5 + 0.3 * bool(pneumonia) + 0.2 * bool(tuberculosis))
        PIL.Image.fromarray(np.rint(film * 255).astype(np.uint8)).save(folder / f"{number}.png")
        cases.append(
            Case(
                f"{number}.png",
                source=("clinic", "practice")[number // 4 % 2],
                patient_id=str(number),
                split=("train", "validation")[number // 8 % 2],
                labels={"pneumonia": pneumonia, "tuberculosis": tuberculosis},
                licence="CC BY 4.0",
            )
        )
    manifest = Manifest(folder / "manifest.csv", get_task("chest-xray"), tuple(cases))
    write_manifest(manifest, manifest.file)
    return manifest


@pytest.fixture(scope="session")
def finished(collection: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return an uninterrupted run of the tiny experiment."""
    folder = tmp_path_factory.mktemp("runs")
    run = folder / "tiny"
    epochs: list[Epoch] = []
    stages: list[tuple[str, int, int]] = []

    def keep(epoch: Epoch) -> None:
        epochs.append(epoch)
        shutil.copytree(run, folder / f"after-{len(epochs)}")

    network = train(EXPERIMENT, collection, run, folder / "cache", Watcher(lambda *told: stages.append(told), keep))
    after = tuple(folder / f"after-{number}" for number in range(1, len(epochs) + 1))
    return Run(run, network, tuple(epochs), tuple(stages), after)
