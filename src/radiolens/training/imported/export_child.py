"""The limited process that writes a network as `.h5`: `python -m radiolens.training.imported.export_child FOLDER`.

FOLDER holds `request.json` (what was found in the archive, and the limits) and `source` (a copy of it); the child
writes `network.h5`. It loads neither Keras nor TensorFlow.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from radiolens.training.imported.confined import answer
from radiolens.training.imported.keras2_file import write_h5

__all__ = ["build"]


def build(folder: Path, request: Mapping[str, Any]) -> dict[str, Any]:
    """Write the network of `source` as `network.h5`."""
    write_h5(folder / "source", request["facts"], folder / "network.h5")
    return {}


if __name__ == "__main__":
    answer(Path(sys.argv[1]), build)
