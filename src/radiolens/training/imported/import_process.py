"""How the process that builds a stranger's network is run: its limits, its environment, and what it told."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from radiolens.errors import BundleError, UnreadableImage
from radiolens.imaging.limits import Limits
from radiolens.imaging.sandbox import Sandbox

__all__ = ["CPU_SECONDS", "STAGES", "Progress", "inspected", "memory_bytes", "run_child"]

_log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]

_INSPECTOR = "radiolens.training.imported.keras_file"  # h5py and JSON only; runs in the sandbox

CPU_SECONDS = 900
"""ResNet152, the deepest of keras.applications, takes 100 on a laptop."""
_LOGGED = 2000  # characters of what the child printed last
_WALL_SECONDS = 1800.0  # for a machine that does other things, too
_MEMORY_BYTES = 4_000_000_000  # of address space: TensorFlow alone maps 2.6 GB, of which it uses 0.7
_MEMORY_PER_WEIGHT = 48  # bytes: 12 copies as float32; a ResNet50 was seen to take 7
STAGES = ("building the network", "asking Keras about the pictures", "writing the network", "comparing the answers")
"""Of an import; the child is in the first three."""


def memory_bytes(weights: int) -> int:
    """Return what address space a network of so many weights may take."""
    return _MEMORY_BYTES + _MEMORY_PER_WEIGHT * weights


def inspected(copy: Path) -> Mapping[str, Any]:
    """Return what the file holds, as the sandbox's child tells it."""
    sandbox = Sandbox(preload=(_INSPECTOR,), children=1)
    try:
        told = sandbox.run(f"{_INSPECTOR}:inspect_file", (), {"path": str(copy.resolve())}, Limits())
    except UnreadableImage as error:
        raise BundleError(
            "It cannot be read within the limits of memory and time. It is damaged, or made to exhaust them: get it "
            "again from its source."
        ) from error
    finally:
        sandbox.stop()
    return told.facts


def run_child(module: str, folder: Path, memory: int, progress: Progress) -> Mapping[str, Any]:
    """Run `python -m module folder` and return what it told.

    Raises BundleError if it refused the network, died or took too long.
    """
    start = time.monotonic()
    folder = folder.resolve()  # the child works in it
    command = [sys.executable, "-P", "-m", module, str(folder)]
    with (
        (folder / "log.txt").open("wb") as log,
        subprocess.Popen(  # noqa: S603  our own interpreter and module
            command,
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        ) as child,
    ):
        guard = threading.Timer(_WALL_SECONDS, child.kill)
        guard.start()
        try:
            _follow(child, progress)
        finally:
            guard.cancel()
            child.kill()
    if (folder / "told.json").is_file():
        told: Mapping[str, Any] = json.loads((folder / "told.json").read_text(encoding="utf-8"))
        if "error" in told:
            raise BundleError(str(told["error"]))
        return told
    _log.error("a process for a Keras file ended with %s: %s", child.returncode, _end_of(folder / "log.txt"))
    slow = child.returncode == -signal.SIGXCPU or time.monotonic() - start >= _WALL_SECONDS
    raise BundleError(
        f"Building the network took longer than {CPU_SECONDS / 60:.0f} minutes. Use a smaller network."
        if slow
        else f"Building the network failed within {memory / 1e9:.0f} GB of memory. Use a smaller network."
    )


def _follow(child: subprocess.Popen[bytes], progress: Progress) -> None:
    """Tell the stages that a child prints, until it closes its output."""
    assert child.stdout is not None  # noqa: S101  it is a pipe
    for line in child.stdout:
        if (stage := line.decode("utf-8", "replace").strip()) in STAGES:
            progress(stage, STAGES.index(stage), len(STAGES))


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-_LOGGED:]


def _environment(folder: Path) -> dict[str, str]:
    """Return the child's environment: nothing of ours but where libraries are."""
    kept = {key: value for key, value in os.environ.items() if key in ("LANG", "LD_LIBRARY_PATH", "PATH", "SYSTEMROOT")}
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "HOME": str(folder),
        "KERAS_HOME": str(folder),
        "TMPDIR": str(folder),
        "KERAS_BACKEND": "tensorflow",
        "CUDA_VISIBLE_DEVICES": "-1",  # a GPU maps more address space than the limit
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "HDF5_PLUGIN_PRELOAD": "::",  # no code of a filter is loaded
    }
