"""What a run folder tells besides its networks: configuration, environment, curves."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import keras
import matplotlib.figure

from radiolens.data.manifest import Manifest
from radiolens.errors import DatasetError
from radiolens.training.checkpoints import Epoch, has_result, write_whole
from radiolens.training.config import Experiment, as_json, completed, training_only

__all__ = ["draw_curves", "environment", "read_config", "write_run_facts"]

_PACKAGES = ("keras", "numpy", "onnx", "onnxruntime", "opencv-python-headless", "pillow", "radiolens", "tensorflow")


def environment() -> dict[str, object]:
    """Return what the run depended on: Python, machine, devices, package versions, commit of the working folder."""
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
        "devices": list(keras.distribution.list_devices()),
        "commit": commit.stdout.strip() or "unknown",
        **versions,
    }


def write_run_facts(run: Path, experiment: Experiment, manifest: Manifest, cases: str, finished: int) -> None:
    """Write config.json and add to environment.json; `cases` is a digest of all that is trained and validated on.

    Raises DatasetError if the folder holds another experiment, or the same one on other cases; one that failed before
    its first epoch holds nothing yet. A run that goes on in another environment gets a second entry there, with the
    number of epochs that were finished before.
    """
    file = run / "config.json"
    config = json.loads(json.dumps({**as_json(experiment), "cases": cases}))
    if file.exists() and (finished or has_result(run)):
        _check_same(file, config)
    else:
        text = json.dumps({**config, "manifest": str(manifest.file.resolve())}, indent=1, sort_keys=True)
        write_whole(file, text)
    _add_environment(run / "environment.json", {"finished_epochs": finished, **environment()})


def read_config(file: Path) -> dict[str, Any]:
    """Return what a config.json of a run says; what was not known when it was written was not done.

    Raises DatasetError if it is none.
    """
    try:
        return completed(json.loads(file.read_text(encoding="utf-8")))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DatasetError(
            f"{file}: not the configuration of a run ({error}). Restore it, or remove {file.parent} to start anew."
        ) from error


def draw_curves(run: Path, log: Sequence[Epoch]) -> None:
    """Draw training and validation loss over the epochs to curves.png."""
    figure = matplotlib.figure.Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    numbers = range(1, len(log) + 1)
    axes.plot(numbers, [epoch.loss for epoch in log], marker="o", label="training (augmented, balanced)")
    axes.plot(numbers, [epoch.validation_loss for epoch in log], marker="o", label="validation (mean of groups)")
    axes.set(xlabel="epoch", ylabel="loss", title=run.name)
    axes.legend()
    figure.savefig(run / "curves.png", dpi=100)


def _check_same(file: Path, config: Mapping[str, Any]) -> None:
    """Raise DatasetError if config.json says otherwise; where the manifest lies may change, its cases may not."""
    found, wanted = training_only(read_config(file)), training_only(config)
    differing = sorted(
        key for key in (found.keys() | wanted.keys()) - {"manifest"} if found.get(key) != wanted.get(key)
    )
    if differing:
        raise DatasetError(
            f"{file.parent} holds another experiment: {', '.join(differing)} differ from its config.json. "
            "Give another folder, or remove this one."
        )


def _add_environment(file: Path, entry: Mapping[str, object]) -> None:
    entries = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    same = entries and {**entries[-1], "finished_epochs": 0} == {**entry, "finished_epochs": 0}
    if not same:
        write_whole(file, json.dumps([*entries, entry], indent=1))
