"""Which versions answer now: those that a site chose, one more in the shadow, and a change of both without a pause."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from radiolens.bundle import RELEASED, InstalledBundle
from radiolens.errors import BundleError
from radiolens.image import Image
from radiolens.inference.installed import Installed, find_installed
from radiolens.inference.predict import Predictor
from radiolens.inference.shelf import Shelf
from radiolens.prediction import BundleIdentity, Prediction
from radiolens.profile import Profile
from radiolens.safety.gate import Gate

__all__ = ["Choice", "Lineup", "LiveLineup"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """What a site has chosen: of each bundle the version that answers and the one in the shadow, and its profiles.

    A bundle that is not named in `active` is answered by its newest version, as it was when the program started.
    """

    active: tuple[BundleIdentity, ...] = ()
    shadow: tuple[BundleIdentity, ...] = ()
    profiles: tuple[Profile, ...] = ()


@dataclass(frozen=True, eq=False)
class Lineup:
    """What answers by a choice; it never changes, so whoever began to answer with one ends with it.

    `shadow` is None where no version runs in the shadow.
    """

    choice: Choice
    predictor: Predictor
    shadow: Predictor | None = None

    def open_all(self) -> None:
        """Open every network that can be used, so that the first answer need not wait; the log tells of others."""
        self.predictor.shelf.open_all()
        if self.shadow:
            self.shadow.shelf.open_all()

    def answering(self, bundle: str) -> InstalledBundle | None:
        """Return the version that answers for the bundle of this name, None if none can."""
        return _first(self.predictor, bundle)

    def in_shadow(self, bundle: str) -> InstalledBundle | None:
        """Return the version of the bundle of this name in the shadow, None if none is there, or it cannot be used."""
        return _first(self.shadow, bundle) if self.shadow else None

    def disabled_profile(self, bundle: str) -> Profile | None:
        """Return the site's profile for the bundle of this name if it does not hold for the version that answers.

        None where there is no profile, one that holds, or no version that answers. Of several it is the last one.
        """
        answering = self.answering(bundle)
        own = [profile for profile in self.choice.profiles if profile.bundle_name == bundle]
        if answering is None or not own or any(profile.bundle_sha256 == answering.sha256 for profile in own):
            return None
        return own[-1]

    def shadow_answer(self, image: Image, answer: Prediction) -> Prediction | None:
        """Return what the version in the shadow says of an image that was answered; nobody is shown it as the answer.

        The gate, which let the image in, is not asked again. Its `bundle` is set even where it refuses the image. None
        where no version of the bundle that answered runs in the shadow, or it cannot: that is told to the log, and
        disturbs nothing.
        """
        if self.shadow is None or answer.bundle is None:
            return None
        found = self.in_shadow(answer.bundle.name)
        if found is None:
            return None
        identity = found.identity
        try:
            said = self.shadow.predict_admitted(image, answer.task or "", identity.name)
        except BundleError as error:
            _log.warning("The shadow %s %s gave no answer. %s", identity.name, identity.version, error)
            return None
        return replace(said, bundle=identity)


class LiveLineup:
    """The lineup of now. Thread-safe.

    `read` gives the site's choice. Networks that stay, in the shadow or out of it, are not opened again, and there is
    one gate, which stays open.
    """

    def __init__(
        self,
        folders: Sequence[Path] = (RELEASED,),
        read: Callable[[], Choice] = Choice,
        threads: int = 0,
        gate: Gate = Gate.FULL,
    ) -> None:
        self._folders = folders
        self._read = read
        self._gate = gate
        self._changing = threading.Lock()
        self._read_at = -math.inf
        self._start = Shelf.find(folders, threads)
        self._now = self._built(read(), self._start, self._start.installed)

    @property
    def folders(self) -> Sequence[Path]:
        """Return where bundles lie; of equal versions that of the later folder answers."""
        return self._folders

    @property
    def now(self) -> Lineup:
        """Return what answers now; take it once for each input, and use nothing else for that input."""
        return self._now

    def follow(self, within_s: float = 0.0) -> Lineup:
        """Read the site's choice, made perhaps by another process, and return what answers by it.

        It is not read again if it was less than `within_s` seconds ago. Whoever waits meanwhile for a change gets the
        new lineup; whoever has begun keeps the old one.
        """
        with self._changing:
            if time.monotonic() < self._read_at + within_s:
                return self._now
            choice = self._read()
            self._read_at = time.monotonic()
            if choice != self._now.choice:
                lineup = self._built(choice, self._now.predictor.shelf, find_installed(self._folders))
                lineup.open_all()
                self._now = lineup
            return self._now

    def _built(self, choice: Choice, shelf: Shelf, found: Installed) -> Lineup:
        answering = shelf.holding(self._answering(choice, found))
        predictor = Predictor(answering, choice.profiles, self._gate)
        if not choice.shadow:
            return Lineup(choice, predictor)
        names = dict.fromkeys(identity.name for identity in choice.shadow)
        behind = Installed({name: found.versions.get(name, ()) for name in names}, found.unusable)
        return Lineup(choice, predictor, Predictor(shelf.holding(behind.pinned(choice.shadow)), gate=self._gate))

    def _answering(self, choice: Choice, found: Installed) -> Installed:
        """Return what is chosen of `found`, and what nobody chose as it was when the program started.

        So a version that was copied to its place meanwhile answers when it is chosen, or after the next start.
        """
        chosen = {name: found.versions.get(name, ()) for name in (identity.name for identity in choice.active)}
        versions = {**self._start.installed.versions, **chosen}
        return replace(found, versions=versions).pinned(choice.active)


def _first(predictor: Predictor, bundle: str) -> InstalledBundle | None:
    return next(iter(predictor.shelf.installed.versions.get(bundle, ())), None)
