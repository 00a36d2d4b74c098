"""Which bundles are installed, which of them answers a task, and which cannot be used. Opens no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from radiolens.bundle import GATE, InstalledBundle, bundle_versions, read_bundle
from radiolens.errors import BundleError, UnknownBundle, UnknownTask
from radiolens.prediction import BundleIdentity
from radiolens.tasks import get_task

__all__ = ["SHOWN_DIGITS", "Installed", "UnusableBundle", "find_installed"]

SHOWN_DIGITS = 12
"""Of a hash, in a message: enough to tell two bundles apart, and short enough to be read."""


@dataclass(frozen=True)
class UnusableBundle:
    """A bundle that is installed and cannot be used; `name` and `version` are those of its folder."""

    name: str
    version: str
    reason: str


@dataclass(frozen=True)
class Installed:
    """The installed bundles: by name, newest version first.

    Of each name the first answers. The default of a task is the bundle that has the task's name, as the released ones
    have; where there is none, the only calibrated bundle of the task. An imported one must be named.
    """

    versions: Mapping[str, tuple[InstalledBundle, ...]]
    unusable: tuple[UnusableBundle, ...] = ()

    @property
    def bundles(self) -> tuple[InstalledBundle, ...]:
        """Return the bundles that answer, one of each name."""
        return tuple(found[0] for found in self.versions.values() if found)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Return the names of the tasks that have a default."""
        answered = dict.fromkeys(entry.bundle.task for entry in self.bundles)
        return tuple(task for task in answered if self.default(task))

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
        found = self.versions.get(name)
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

    def check_usable(self, name: str) -> None:
        """Raise BundleError with the reason if a bundle of this name is installed and cannot be used."""
        for entry in self.unusable:
            if entry.name == name:
                raise BundleError(f"The bundle {name} {entry.version} cannot be used. {entry.reason}")

    def without(self, found: InstalledBundle, reason: str) -> Installed:
        """Return the same with a bundle set aside as unusable: the version before it, if any, answers in its place."""
        name = found.bundle.name
        left = tuple(entry for entry in self.versions[name] if entry != found)
        unusable = UnusableBundle(name, found.bundle.version, reason)
        return replace(self, versions={**self.versions, name: left}, unusable=(*self.unusable, unusable))

    def pinned(self, chosen: Iterable[BundleIdentity]) -> Installed:
        """Return the same, but of each bundle named in `chosen` that version alone answers.

        Where it is not there as it was chosen, nothing of its name answers and `unusable` says why: a network that
        nobody chose must not answer in its place unnoticed.
        """
        versions, unusable = dict(self.versions), self.unusable
        for identity in chosen:
            there = versions.get(identity.name, ())
            versions[identity.name] = tuple(entry for entry in there if entry.sha256 == identity.sha256)[:1]
            if not versions[identity.name]:
                reason = self._why_not(identity)
                unusable = (UnusableBundle(identity.name, identity.version, reason), *unusable)
        return replace(self, versions=versions, unusable=unusable)

    def _why_not(self, identity: BundleIdentity) -> str:
        told = next((entry.reason for entry in self.unusable if _is_version(entry, identity)), "")
        there = self.versions.get(identity.name, ())
        other = next((entry for entry in there if entry.bundle.version == identity.version), None)
        if other:
            told = f"what lies there now has the hash {other.sha256[:SHOWN_DIGITS]}."
        elif not told:
            known = ", ".join(entry.bundle.version for entry in there) or "none"
            told = f"it is no longer installed (installed: {known})."
        return (
            f"This version (hash {identity.sha256[:SHOWN_DIGITS]}) was activated for this site, and {told} Install it "
            "again, or activate another version on the page Models."
        )


def find_installed(folders: Iterable[Path]) -> Installed:
    """Return the bundles that lie in `folders`; what they say is read, the hashes of their files are not checked.

    The gate is none of them, since it answers no task (`radiolens.inference.gate_bundle.find_gate`).
    """
    versions: dict[str, tuple[InstalledBundle, ...]] = {}
    unusable = []
    for name, places in bundle_versions(folders).items():
        for place in places if name != GATE else ():
            try:
                versions[name] = (*versions.get(name, ()), _described(place))
            except BundleError as error:
                unusable.append(UnusableBundle(name, place.name, str(error)))
    return Installed(versions, tuple(unusable))


def _is_version(entry: UnusableBundle, identity: BundleIdentity) -> bool:
    return (entry.name, entry.version) == (identity.name, identity.version)


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
