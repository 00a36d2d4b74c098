"""A folder of pictures with one bright lesion each, its masks, and a network that looks for what is bright."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from radiolens.data.manifest import Case, Manifest
from radiolens.inference.engine import Engine
from radiolens.tasks import get_task
from tests.phantoms import bright_lesion
from tests.tiny_bundle import CHANNELS, make_bundle


def bright_engine(folder: Path, **changes: object) -> Engine:
    """Return a network whose pneumonia map is strongest where the picture is brightest; tuberculosis is nowhere."""
    kernel = np.zeros((CHANNELS, 1, 4, 4), np.float32)
    kernel[0] = 1 / 16
    head = np.zeros((CHANNELS, 2), np.float32)
    head[0, 0] = 20.0
    return Engine.open(make_bundle(folder, weights=(kernel, head, np.asarray([-1, 0], np.float32)), **changes), 1)


def dark_engine(folder: Path) -> Engine:
    """Return a network whose pneumonia map is strongest where the picture is darkest."""
    kernel = np.zeros((CHANNELS, 1, 4, 4), np.float32)
    kernel[0] = -1 / 16
    head = np.zeros((CHANNELS, 2), np.float32)
    head[0, 0] = 20.0
    return Engine.open(make_bundle(folder, weights=(kernel, head, np.asarray([-1, 0], np.float32))), 1)


def lesion_manifest(folder: Path, count: int = 30, shape: tuple[int, int] = (64, 64), seed: int = 0) -> Manifest:
    """Return a manifest of films with a lesion at a random place and its mask, one half for training.

    Every third scored film is of the patient before.
    """
    random = np.random.default_rng(seed)
    cases = []
    for number in range(count):
        centre = random.uniform(0.2, 0.8) * shape[0], random.uniform(0.2, 0.8) * shape[1]
        grey, mask = bright_lesion(*shape, centre, 0.2 * min(shape), seed=number)
        cases.append(write_case(folder, str(number), grey, mask, "train" if number % 2 else "test"))
    return Manifest(folder / "manifest.csv", get_task("chest-xray"), tuple(cases))


def write_case(
    folder: Path, name: str, grey: NDArray[np.uint8], mask: NDArray[np.uint8] | None, split: str = "test"
) -> Case:
    """Write a film of pneumonia, with its mask if there is one, and return its case."""
    folder.mkdir(parents=True, exist_ok=True)
    PIL.Image.fromarray(grey).save(folder / f"{name}.png")
    if mask is not None:
        PIL.Image.fromarray(mask).convert("1").save(folder / f"{name}-mask.png")
    labels = {"pneumonia": 1, "tuberculosis": None}
    return Case(
        path=f"{name}.png",
        source="generated",
        patient_id=f"{split}{int(name) // 6 if name.isdigit() else name}",
        split=split,
        labels=labels,
        mask="" if mask is None else f"{name}-mask.png",
    )
