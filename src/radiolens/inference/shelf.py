"""The bundles of this computer, opened when first needed and then kept."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from weakref import WeakValueDictionary

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

    def __init__(
        self, installed: Installed, threads: int = 0, gate: Path | None = None, networks: _Networks | None = None
    ) -> None:
        self.installed = installed
        self._networks = networks or _Networks(threads, gate)
        self._engines = self._networks.held(installed)

    @classmethod
    def find(cls, folders: Sequence[Path], threads: int = 0) -> Shelf:
        """Return what lies in `folders`; `threads` 0 lets the runtime use every core."""
        return cls(find_installed(folders), threads, find_gate(folders))

    def holding(self, installed: Installed) -> Shelf:
        """Return a shelf of other bundles that shares the gate and all networks with this one and those made of it.

        What one of them has opened, no other opens again.
        """
        return Shelf(installed, networks=self._networks)

    def engine(self, name: str) -> Engine:
        """Return the opened bundle of this name; raise as `Installed.get` does."""
        held = self._engines.get(self.installed.get(name).sha256)
        # Whoever has it does not wait for the networks that another shelf opens meanwhile.
        return held if held is not None else self._opened(name)

    def _opened(self, name: str) -> Engine:
        with self._networks.opening:
            while (found := self.installed.get(name)).sha256 not in self._engines:
                try:
                    self._engines[found.sha256] = self._networks.engine(found)
                except (BundleError, OSError) as error:
                    self.installed = self.installed.without(found, str(error))
                    _log.warning("%s %s cannot be used. %s", name, found.bundle.version, error)
                    _log_instead(self.installed, name)
            return self._engines[found.sha256]

    def gate(self) -> GateNetwork | None:
        """Return the opened gate network, None if none is installed; raise BundleError if it cannot be used."""
        folder = self._networks.gate_folder
        if folder is None or self._networks.gate is not None:
            return self._networks.gate
        with self._networks.opening:
            if self._networks.gate is None:
                self.installed.check_usable(GATE)
                self._networks.gate = self._opened_gate(folder)
            return self._networks.gate

    def _opened_gate(self, folder: Path) -> GateNetwork:
        try:
            return GateNetwork.open(folder, self._networks.threads)
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


class _Networks:
    """What shelves that belong together have open: each bundle as long as one of them holds it, and the gate."""

    def __init__(self, threads: int, gate_folder: Path | None) -> None:
        self.threads = threads
        self.gate_folder = gate_folder
        self.gate: GateNetwork | None = None
        self.opening = threading.RLock()
        self._engines: WeakValueDictionary[str, Engine] = WeakValueDictionary()  # by hash

    def held(self, installed: Installed) -> dict[str, Engine]:
        """Return by hash what is open of the bundles that answer."""
        open_now = {entry.sha256: self._engines.get(entry.sha256) for entry in installed.bundles}
        return {sha256: engine for sha256, engine in open_now.items() if engine is not None}

    def engine(self, found: InstalledBundle) -> Engine:
        """Return a bundle, opened if it is not open; raise BundleError or OSError if it cannot be used."""
        engine = self._engines.get(found.sha256)
        if engine is None:
            engine = Engine.open(found.folder, self.threads)
            if engine.installed.sha256 != found.sha256:
                told = f"{found.folder} was replaced while the program ran"
                raise CorruptBundle(told, found.sha256, engine.installed.sha256)
            self._engines[found.sha256] = engine
        return engine


def _log_instead(installed: Installed, name: str) -> None:
    left = installed.versions[name]
    if left:
        _log.warning("%s %s answers in its place.", name, left[0].bundle.version)
