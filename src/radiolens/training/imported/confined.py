"""What the processes that handle a stranger's network have in common: they bound themselves, work, and tell."""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from radiolens.errors import BundleError

__all__ = ["answer"]


def answer(folder: Path, work: Callable[[Path, Mapping[str, Any]], Mapping[str, Any]]) -> None:
    """Bound this process as `request.json` in the folder says, do the work, and tell how it went in `told.json`."""
    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    _bound(**request["limits"])
    try:
        told = work(folder, request)
    except BundleError as error:
        told = {"error": str(error)}
    except MemoryError:
        told = {"error": "It needs more memory than an import may take. Use a smaller network."}
    partial = folder / "told.partial"
    partial.write_text(json.dumps(told), encoding="utf-8")
    os.replace(partial, folder / "told.json")


def _bound(memory_bytes: int, cpu_seconds: int, file_bytes: int) -> None:
    """Limit the address space (on Linux; macOS holds no such limit), CPU time and written files of this process."""
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
