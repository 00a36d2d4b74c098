"""An untouched ImageNet network as ONNX, for what is measured on its features."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from radiolens.errors import DatasetError

__all__ = ["imagenet_file"]


def imagenet_file(cache: Path, backbone: str, side: int, progress: Callable[[str, int, int], None]) -> Path:
    """Return the file of a backbone for pictures of `side` pixels, written once into the folder `cache`.

    A program of its own writes it, since TensorFlow takes seconds and 1 GB. Raises DatasetError if it cannot.
    """
    file = cache / f"{backbone}-{side}.onnx"
    if file.is_file():
        return file
    stage = f"Exporting the ImageNet network {backbone} at {side} pixels"
    progress(stage, 0, 1)
    program = [sys.executable, "-m", "radiolens.training.imagenet_network", str(file), backbone, str(side)]
    ended = subprocess.run(program, capture_output=True, text=True, check=False)  # noqa: S603  our own module
    if ended.returncode:
        reason = ended.stderr.strip().splitlines()[-1:] or [f"exit code {ended.returncode}"]
        raise DatasetError(
            f"The ImageNet network {backbone} could not be exported ({reason[0]}). "
            "Run `pip install 'radiolens[train]'`."
        )
    progress(stage, 1, 1)
    return file
