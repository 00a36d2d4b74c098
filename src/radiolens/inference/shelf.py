"""The bundles of this computer, opened when first needed and then kept."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from radiolens.bundle import GATE, InstalledBundle
from radiolens.errors import BundleError, CorruptBundle
from radiolens.inference.engine import Engine
from radiolens.inference.gate_bundle import find_gate
from radiolens.inference.gate_network import GateNetwork
from radiolens.inference.installed import Installed, UnusableBundle, find_installed

__all__ = ["Shelf"]

_log = logging.getLogger(__name__)


class Shelf:
    """The installed bundles. Thread-safe.

    One that cannot be used takes nothing else down: it is set aside when opening it fails, the version before it
    answers, if there is one and none was chosen, and the log and `installed.unusable` say why. A gate that cannot be
    used is different: nobody shall be answered without a check that was meant to be there.
    """

    def __init__(self, installed: Installed, threads: int = 0, gate: Path | None = None) -> None:
        self.installed = installed
        self._gate_folder = gate
        self._gate: GateNetwork | None = None
        self._threads = threads
        self._engines: dict[str, Engine] = {}  # by hash
        self._opening = threading.RLock()

    @classmethod
    def find(cls, folders: Sequence[Path], threads: int = 0) -> Shelf:
        """Return what lies in `folders`; `threads` 0 lets the runtime use every core."""
        return cls(find_installed(folders), threads, find_gate(folders))

    def holding(self, installed: Installed) -> Shelf:
        """Return a shelf of other bundles with the same gate; what both hold and is open need not be opened again."""
        other = Shelf(installed, self._threads, self._gate_folder)
        with self._opening:
            other._gate = self._gate
            kept = {entry.sha256 for entry in installed.bundles}
            other._engines = {sha256: engine for sha256, engine in self._engines.items() if sha256 in kept}
        return other

    def engine(self, name: str) -> Engine:
        """Return the opened bundle of this name; raise as `Installed.get` does."""
        with self._opening:
            while (found := self.installed.get(name)).sha256 not in self._engines:
                try:
                    self._engines[found.sha256] = self._opened(found)
                except (BundleError, OSError) as error:
                    self.installed = self.installed.without(found, str(error))
                    _log.warning("%s %s cannot be used. %s", name, found.bundle.version, error)
                    _log_instead(self.installed, name)
            return self._engines[found.sha256]

    def _opened(self, found: InstalledBundle) -> Engine:
        engine = Engine.open(found.folder, self._threads)
        if engine.installed.sha256 != found.sha256:
            told = f"{found.folder} was replaced while the program ran"
            raise CorruptBundle(told, found.sha256, engine.installed.sha256)
        return engine

    def gate(self) -> GateNetwork | None:
        """Return the opened gate network, None if none is installed; raise BundleError if it cannot be used."""
        with self._opening:
            if self._gate is None and self._gate_folder is not None:
                self.installed.check_usable(GATE)
                self._gate = self._opened_gate(self._gate_folder)
            return self._gate

    def _opened_gate(self, folder: Path) -> GateNetwork:
        try:
            return GateNetwork.open(folder, self._threads)
        except (BundleError, OSError) as error:
            reason = f"{error} Until then RADIOLENS_GATE=header answers with the checks of the header alone."
            unusable = UnusableBundle(GATE, folder.name, reason)
            self.installed = replace(self.installed, unusable=(*self.installed.unusable, unusable))
            _log.error("%s %s cannot be used, so nothing is answered with it. %s", GATE, folder.name, reason)
            raise BundleError(f"The bundle {GATE} {folder.name} cannot be used. {reason}") from error

    def open_all(self) -> None:
        """Open every bundle that can be used."""
        for entry in self.installed.bundles:
            try:
                self.engine(entry.bundle.name)
            except BundleError:
                continue  # it was told when it was set aside


def _log_instead(installed: Installed, name: str) -> None:
    left = installed.versions[name]
    if left:
        _log.warning("%s %s answers in its place.", name, left[0].bundle.version)
