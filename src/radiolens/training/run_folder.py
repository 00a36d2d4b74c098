"""What a run folder tells besides its networks: configuration, environment, curves."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Protocol

import matplotlib.figure

from radiolens.data.manifest import Manifest
from radiolens.errors import DatasetError
from radiolens.training.config import Experiment, as_json

__all__ = ["LoggedEpoch", "draw_curves", "environment", "write_run_facts"]

_PACKAGES = ("keras", "numpy", "onnx", "onnxruntime", "opencv-python-headless", "pillow", "radiolens", "tensorflow")


class LoggedEpoch(Protocol):
    """What the curves need of an epoch."""

    @property
    def loss(self) -> float:
        """Return the training loss."""

    @property
    def validation_loss(self) -> float:
        """Return the validation loss."""


def environment() -> dict[str, str]:
    """Return what the run depended on: Python, machine, versions of the packages, the commit of the working folder."""
    versions = {name: metadata.version(name) for name in _PACKAGES}
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"],  # noqa: S607  git is looked up on the user's PATH on purpose
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "commit": commit.stdout.strip() or "unknown",
        **versions,
    }


def write_run_facts(run: Path, experiment: Experiment, manifest: Manifest) -> None:
    """Write config.json and environment.json; raise DatasetError if the folder holds another experiment."""
    file = run / "config.json"
    config = json.dumps({**as_json(experiment), "manifest": str(manifest.file)}, indent=1, sort_keys=True, default=str)
    if file.exists() and file.read_text() != config:
        raise DatasetError(f"{run} holds another experiment or manifest. Choose another folder, or remove it.")
    file.write_text(config)
    (run / "environment.json").write_text(json.dumps(environment(), indent=1))


def draw_curves(run: Path, log: Sequence[LoggedEpoch]) -> None:
    """Draw training and validation loss over the epochs to curves.png."""
    figure = matplotlib.figure.Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    numbers = range(1, len(log) + 1)
    axes.plot(numbers, [epoch.loss for epoch in log], marker="o", label="training (augmented, balanced)")
    axes.plot(numbers, [epoch.validation_loss for epoch in log], marker="o", label="validation (mean of groups)")
    axes.set(xlabel="epoch", ylabel="loss", title=run.name)
    axes.legend()
    figure.savefig(run / "curves.png", dpi=100)
