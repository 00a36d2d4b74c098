"""What starts fast stays light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from radiolens.bundle import RELEASED

HEAVY = {"tensorflow", "keras", "onnxruntime"}
"""Loading one of these costs between half a second and ten."""

TRAINING = {"cv2", "h5py", "keras", "matplotlib", "onnx", "optuna", "pyarrow", "sklearn", "tensorflow", "tf2onnx"}
"""What the base installation has not."""


def loaded_by(*arguments: str) -> set[str]:
    """Return the names of all modules that a Python process with these arguments loads."""
    run = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 0, run.stderr[-2000:]
    rows = (line for line in run.stderr.splitlines() if line.startswith("import time:"))
    return {row.rsplit("|", 1)[1].strip() for row in rows}


@pytest.mark.parametrize(
    "arguments",
    [
        ("-c", "import radiolens"),
        ("-c", "import radiolens; radiolens.evaluation, radiolens.Image, radiolens.Profile"),
        ("-c", "import radiolens.errors, radiolens.image, radiolens.prediction, radiolens.profile, radiolens.tasks"),
        ("-m", "radiolens", "--help"),
        ("-m", "radiolens", "--version"),
        ("-m", "radiolens", "tasks"),
    ],
    ids=" ".join,
)
def test_starting_loads_neither_tensorflow_nor_the_runtime(arguments: tuple[str, ...]) -> None:
    loaded = loaded_by(*arguments)
    assert "radiolens" in loaded
    assert not HEAVY & loaded


@pytest.mark.parametrize(
    "bundle", sorted(file.parent for file in RELEASED.glob("*/*/bundle.json")), ids=lambda it: it.parent.name
)
def test_a_released_bundle_is_verified_without_the_training_extra(bundle: Path) -> None:
    loaded = loaded_by("-m", "radiolens", "bundle", "verify", str(bundle))
    assert "onnxruntime" in loaded  # the golden answers were asked for
    assert not TRAINING & loaded
