"""What lies on the disk of each bundle, which version answers, and what the page Models says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from radiolens.bundle import InstalledBundle
from radiolens.errors import BundleError
from radiolens.inference.gate_bundle import InstalledGate, find_gate, read_gate
from radiolens.inference.installed import SHOWN_DIGITS, Installed, UnusableBundle, find_installed
from radiolens.inference.lineup import Lineup
from radiolens.locale.translate import gettext as _
from radiolens.prediction import BundleIdentity
from radiolens.store.models import Activation, before
from radiolens.store.schema import ActivationRole
from radiolens.task import Task
from radiolens.tasks import get_task
from radiolens.web.problems import HTTPProblem

__all__ = [
    "EVIDENCE",
    "Model",
    "Version",
    "evidence_file",
    "evidence_names",
    "find_version",
    "installed_gate",
    "models",
]

EVIDENCE = ("report.html", "model_card.md", "datasheet.md", "claim.md", "evaluation.json")
"""The files of a bundle's evidence that the pages offer, in the order of reading."""


@dataclass(frozen=True)
class Version:
    """One installed version; `answers` and `shadows` say what it is used for now."""

    installed: InstalledBundle
    answers: bool
    shadows: bool

    @property
    def sha256(self) -> str:
        """Return the identity."""
        return self.installed.sha256

    @property
    def version(self) -> str:
        """Return the version's number."""
        return self.installed.bundle.version


@dataclass(frozen=True)
class Model:
    """All versions of one bundle, the newest first.

    `chosen` says that the answering one was activated, and does not merely answer as the newest. `back` is what a
    roll-back brings, None if nothing was active before. `history` begins with the last activation.
    """

    name: str
    task: Task
    versions: tuple[Version, ...]
    chosen: bool
    back: BundleIdentity | None
    history: tuple[Activation, ...]

    @property
    def answering(self) -> Version | None:
        """Return the version that answers, None if none can."""
        return next((entry for entry in self.versions if entry.answers), None)

    @property
    def shadow(self) -> Version | None:
        """Return the version in the shadow."""
        return next((entry for entry in self.versions if entry.shadows), None)


def models(
    folders: Sequence[Path], lineup: Lineup, used: Sequence[Activation]
) -> tuple[tuple[Model, ...], tuple[UnusableBundle, ...]]:
    """Return every bundle that lies in `folders`, by name, and what cannot be used with its reason.

    What the disk holds is read anew, so a version that was just copied there can be activated.
    """
    found = find_installed(folders)
    unusable = dict.fromkeys((*lineup.predictor.shelf.installed.unusable, *found.unusable))
    if lineup.shadow:
        unusable |= dict.fromkeys(lineup.shadow.shelf.installed.unusable)
    return tuple(_model(name, found, lineup, used) for name in sorted(found.versions)), tuple(unusable)


def find_version(folders: Sequence[Path], sha256: str) -> InstalledBundle:
    """Return the installed bundle of this hash; raise HTTPProblem 404 if there is none."""
    for versions in find_installed(folders).versions.values():
        for entry in versions:
            if entry.sha256 == sha256:
                return entry
    detail = _("No installed bundle has the hash %(digits)s. Open the page Models again.", digits=sha256[:SHOWN_DIGITS])
    raise HTTPProblem(404, _("No such model"), detail)


def installed_gate(folders: Sequence[Path]) -> InstalledGate | None:
    """Return the gate that checks every picture, None if none is installed or it cannot be read."""
    folder = find_gate(folders)
    try:
        return read_gate(folder, verify=False) if folder else None
    except BundleError:
        return None  # the shelf tells why, where it is asked to check a picture


def evidence_names(found: InstalledBundle) -> tuple[str, ...]:
    """Return the offered files of a version's evidence that are there."""
    return tuple(name for name in EVIDENCE if (found.folder / "evidence" / name).is_file())


def evidence_file(found: InstalledBundle, name: str) -> Path:
    """Return the path of a file of the evidence; raise HTTPProblem 404 for one that is not offered, or not there."""
    if name not in evidence_names(found):
        told = {"name": found.bundle.name, "version": found.bundle.version, "file": name[:40]}
        detail = _("%(name)s %(version)s has no evidence %(file)s. Open its page again.", **told)
        raise HTTPProblem(404, _("No such evidence"), detail)
    return found.folder / "evidence" / name


def _model(name: str, found: Installed, lineup: Lineup, used: Sequence[Activation]) -> Model:
    answering, shadow = _hash(lineup.answering(name)), _hash(lineup.in_shadow(name))
    own = tuple(entry for entry in reversed(used) if entry.bundle.name == name)
    return Model(
        name=name,
        task=get_task(found.versions[name][0].bundle.task),
        versions=tuple(
            Version(entry, entry.sha256 == answering, entry.sha256 == shadow) for entry in found.versions[name]
        ),
        chosen=any(entry.role is ActivationRole.ACTIVE and entry.until is None for entry in own),
        back=before(used, name),
        history=own,
    )


def _hash(entry: InstalledBundle | None) -> str:
    return entry.sha256 if entry else ""
