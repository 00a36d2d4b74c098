"""What a site may call a bundle, so that it stands beside the released ones and never in the place of another task."""

from __future__ import annotations

import re

from radiolens.bundle import GATE, RELEASED, find_bundles
from radiolens.errors import BundleError
from radiolens.tasks import TASKS

__all__ = ["check_name"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_VERSION = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6}){0,3}")


def check_name(name: str, version: str, own_task: str = "") -> None:
    """Raise BundleError unless a bundle may be called so.

    The names of tasks and released bundles are taken; that of `own_task` is free for a network that answers in the
    place of the released one.
    """
    taken = {GATE, *find_bundles([RELEASED]), *(task.name for task in TASKS)} - {own_task}
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version) or name in taken:
        raise BundleError(
            f"A bundle cannot be called {name!r} {version!r}: expected letters, digits, '-' and '_', a version such as "
            f"1.0.0, and not the name of a released bundle ({', '.join(sorted(taken))}). Give --name or --version."
        )
