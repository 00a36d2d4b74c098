"""The bundles of this computer, by name: found when it is made, opened when first needed, then kept."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from radiolens.bundle import InstalledBundle, bundle_versions, read_bundle
from radiolens.errors import BundleError, UnknownBundle, UnknownTask
from radiolens.inference.engine import Engine
from radiolens.tasks import get_task

__all__ = ["Shelf", "UnusableBundle"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class UnusableBundle:
    """A bundle that is installed and cannot be used; `name` and `version` are those of its folder."""

    name: str
    version: str
    reason: str


class Shelf:
    """The installed bundles. Thread-safe.

    Of each name the newest version answers. One that cannot be used takes nothing else down: the version before it
    answers, if there is one, and `unusable` says why. The default of a task is the bundle that has the task's name, as
    the released ones have; where there is none, the only calibrated bundle of the task.
    """

    def __init__(
        self, versions: Mapping[str, Sequence[InstalledBundle]], unusable: Sequence[UnusableBundle], threads: int
    ) -> None:
        self._versions = {name: tuple(found) for name, found in versions.items()}  # newest first
        self._unusable = tuple(unusable)
        self._threads = threads
        self._engines: dict[str, Engine] = {}
        self._opening = threading.RLock()

    @classmethod
    def find(cls, folders: Iterable[Path], threads: int = 0) -> Shelf:
        """Return what lies in `folders`; a file's hash is checked when its bundle is opened.

        `threads` 0 lets the runtime use every core.
        """
        versions: dict[str, list[InstalledBundle]] = {}
        unusable = []
        for places in bundle_versions(folders).values():
            for place in places:
                try:
                    found = _described(place)
                    versions.setdefault(found.bundle.name, []).append(found)
                except BundleError as error:
                    unusable.append(_unusable(place, error))
        return cls(versions, unusable, threads)

    @property
    def bundles(self) -> tuple[InstalledBundle, ...]:
        """Return the bundles that answer, one of each name."""
        return tuple(found[0] for found in self._versions.values() if found)

    @property
    def unusable(self) -> tuple[UnusableBundle, ...]:
        """Return the bundles that were found and could not be used so far."""
        return self._unusable

    @property
    def tasks(self) -> tuple[str, ...]:
        """Return the names of the tasks that have a default."""
        asked = dict.fromkeys(entry.bundle.task for entry in self.bundles)
        return tuple(task for task in asked if self.default(task))

    def of_task(self, task: str) -> tuple[InstalledBundle, ...]:
        """Return the bundles that answer a task, its default first."""
        default = self.default(task)
        found = (entry for entry in self.bundles if entry.bundle.task == task)
        return tuple(sorted(found, key=lambda entry: entry != default))

    def default(self, task: str) -> InstalledBundle | None:
        """Return the bundle that answers a task where none is named, None if there is none."""
        fitting = [entry for entry in self.bundles if entry.bundle.task == task]
        own = [entry for entry in fitting if entry.bundle.name == task]
        calibrated = [entry for entry in fitting if entry.bundle.calibrated]
        return own[0] if own else calibrated[0] if len(calibrated) == 1 else None

    def get(self, name: str, task: str | None = None) -> InstalledBundle:
        """Return the bundle of this name.

        Raises UnknownBundle if there is none or, with `task`, if it answers another one; BundleError if it cannot be
        used.
        """
        found = self._versions.get(name)
        if not found:
            self.check_usable(name)
            known = [entry.bundle.name for entry in self.bundles]
            raise UnknownBundle(name, known, f"There is no bundle {name[:80]!r}.")
        if task not in (None, found[0].bundle.task):
            known = [entry.bundle.name for entry in self.of_task(str(task))]
            told = f"The bundle {name!r} answers {found[0].bundle.task}, not {task}."
            raise UnknownBundle(name, known, told, of=str(task))
        return found[0]

    def asked(self, task: str, name: str | None = None) -> InstalledBundle:
        """Return the bundle `name`, or the default of a task.

        Raises as `get`, and UnknownTask if there is no default.
        """
        found = self.get(name, task) if name else self.default(task)
        if found is None:
            self.check_usable(task)
            raise UnknownTask(task, self.tasks)
        return found

    def engine(self, name: str) -> Engine:
        """Return the opened bundle of this name; raise as `get` does."""
        with self._opening:
            while name not in self._engines:
                found = self.get(name)
                try:
                    self._engines[name] = Engine.open(found.folder, self._threads)
                except (BundleError, OSError) as error:
                    self._set_aside(found, error)
            return self._engines[name]

    def open_all(self) -> None:
        """Open every bundle that can be used."""
        for name in tuple(self._versions):
            with self._opening:
                if self._versions[name]:
                    try:
                        self.engine(name)
                    except BundleError as error:
                        _log.error("%s", error)

    def check_usable(self, name: str) -> None:
        """Raise BundleError with the reason if a bundle of this name is installed and cannot be used."""
        for entry in self._unusable:
            if entry.name == name:
                raise BundleError(f"The bundle {name} {entry.version} cannot be used. {entry.reason}")

    def _set_aside(self, found: InstalledBundle, error: Exception) -> None:
        left = self._versions[found.bundle.name][1:]
        self._versions[found.bundle.name] = left
        self._unusable = (*self._unusable, _unusable(found.folder, error))
        instead = f"Version {left[0].bundle.version} answers in its place. " if left else ""
        _log.warning("%s %s cannot be used. %s%s", found.bundle.name, found.bundle.version, instead, error)


def _described(folder: Path) -> InstalledBundle:
    """Return what a bundle says of itself; raise BundleError if it does not fit its place, or this radiolens."""
    found = read_bundle(folder, verify=False)
    bundle = found.bundle
    if (bundle.name, bundle.version) != (folder.parent.name, folder.name):
        raise BundleError(
            f"{folder} holds {bundle.name} {bundle.version}. Move it to .../{bundle.name}/{bundle.version}."
        )
    try:
        strange = sorted(set(bundle.labels) - set(get_task(bundle.task).label_names))
    except UnknownTask as error:
        raise BundleError(f"{folder} answers another task than this radiolens knows. {error}") from error
    if strange:
        raise BundleError(f"{folder} answers {', '.join(strange)}, which {bundle.task} has not. Make the bundle again.")
    return found


def _unusable(folder: Path, error: Exception) -> UnusableBundle:
    return UnusableBundle(folder.parent.name, folder.name, str(error))
