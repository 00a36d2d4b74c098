"""From an image to its prediction: task, quality, preprocessing, network, calibration, decision, map."""

from __future__ import annotations

import time
from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiolens.bundle import RELEASED, Bundle
from radiolens.errors import BundleError
from radiolens.image import Image
from radiolens.imaging.preprocess import extent, grey_levels
from radiolens.imaging.resample import Slice
from radiolens.imaging.selection import MIDDLE, SliceSelection
from radiolens.imaging.untrusted import read_untrusted
from radiolens.inference.engine import Engine
from radiolens.inference.explanation import maps_of
from radiolens.inference.gate import judge, look, route
from radiolens.inference.profile_file import not_installed
from radiolens.inference.shelf import Shelf
from radiolens.prediction import (
    Explanation,
    Finding,
    Prediction,
    Presence,
    SliceFindings,
    decide,
    possibly_present,
)
from radiolens.profile import Profile
from radiolens.quality import Problem, ProblemCode, Quality
from radiolens.safety.gate import Gate
from radiolens.safety.intended_use import check_age
from radiolens.safety.sight import Sight
from radiolens.task import Task
from radiolens.tasks import get_task

__all__ = ["AUTO", "Predictor"]

AUTO = "auto"
"""The task name that lets the header and the gate network choose."""


class Predictor:
    """The installed bundles, opened when first needed and then kept. Thread-safe.

    `gate` says what the gate goes by. Where no gate bundle is installed, nothing but a network's eye is missing.
    """

    def __init__(self, shelf: Shelf, profiles: Sequence[Profile] = (), gate: Gate = Gate.FULL) -> None:
        self.shelf = shelf
        self.gate = gate
        self._profiles = {profile.bundle_sha256: profile for profile in profiles}

    @classmethod
    def open(
        cls,
        folders: Sequence[Path] = (RELEASED,),
        threads: int = 0,
        profiles: Sequence[Profile] = (),
        gate: Gate = Gate.FULL,
    ) -> Predictor:
        """Find the bundles in `folders`; `threads` 0 lets the runtime use every core.

        A bundle that cannot be used is left out, and told in `shelf.installed.unusable`. Raises BundleError as
        `with_profile` does.
        """
        predictor = cls(Shelf.find(folders, threads), gate=gate)
        for profile in profiles:
            predictor = predictor.with_profile(profile)
        return predictor

    def with_profile(self, profile: Profile) -> Predictor:
        """Return a predictor that decides with a site's thresholds on the bundle they were chosen for.

        Raises BundleError if that bundle is not installed or cannot be used, or has not one of the profile's labels.
        """
        known = {entry.sha256: entry.bundle for entry in self.shelf.installed.bundles}
        if (
            profile.bundle_sha256 in known
        ):  # opened now: if it cannot be, the version before it must not answer unnoticed
            opened = self.shelf.engine(known[profile.bundle_sha256].name).installed
            known = {opened.sha256: opened.bundle}
        bundle = known.get(profile.bundle_sha256)
        if bundle is None:
            raise not_installed(profile, self.shelf.installed.bundles)
        strange = sorted(profile.thresholds.keys() - set(bundle.labels))
        if strange:
            raise BundleError(
                f"The profile of {profile.site!r} has thresholds for {', '.join(strange)}; the labels of "
                f"{bundle.name} {bundle.version} are {', '.join(bundle.labels)}. Correct the profile."
            )
        return Predictor(self.shelf, [*self._profiles.values(), profile], self.gate)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Return the names of the tasks that are answered where no bundle is named."""
        return self.shelf.installed.tasks

    def bundle(self, task: str, name: str | None = None) -> Bundle:
        """Return what the bundle `name`, or the default of the task, says of itself.

        Raises UnknownTask if the task has no default, UnknownBundle if the named one does not answer it.
        """
        return self.shelf.installed.asked(task, name).bundle

    def engine(self, task: str, name: str | None = None) -> Engine:
        """Return the opened bundle `name`, or the default of the task; raise as `bundle`, and BundleError."""
        return self.shelf.engine(self.shelf.installed.asked(task, name).bundle.name)

    def task_of(self, task: str = AUTO, bundle: str | None = None) -> str:
        """Return the task that is asked: for `auto` and a named bundle that of the bundle.

        Raises UnknownTask for a task that does not exist, UnknownBundle for a bundle that is not installed or answers
        another task, BundleError for one that cannot be used.
        """
        if task != AUTO:
            get_task(task)
        if bundle is None:
            return task
        return self.shelf.installed.get(bundle, None if task == AUTO else task).bundle.task

    def predict(
        self,
        files: Sequence[bytes],
        task: str = AUTO,
        *,
        gate: bool = True,
        explain: bool = True,
        selection: SliceSelection = MIDDLE,
        bundle: str | None = None,
    ) -> Prediction:
        """Read one input (a file, or all files of a series) in a child process and answer it.

        Raises UnreadableImage, and what `predict_image` raises before anything is read.
        """
        start = time.perf_counter()
        self._check_asked(task, bundle, gate=gate)
        image = read_untrusted(files, selection)
        prediction = self.predict_image(image, task, gate=gate, explain=explain, bundle=bundle)
        return replace(prediction, seconds=time.perf_counter() - start)

    def predict_image(
        self, image: Image, task: str = AUTO, *, gate: bool = True, explain: bool = True, bundle: str | None = None
    ) -> Prediction:
        """Answer an image that was read already, with the bundle of this name or else the default of the task.

        `gate` False scores what would be refused, and needs a named task or bundle. Raises what `task_of` raises,
        ValueError for no gate where nothing is named, and BundleError for a bundle, or a gate, that cannot be used.
        """
        start = time.perf_counter()
        named = self._check_asked(task, bundle, gate=gate)
        slices = [Slice(pixels) for pixels in image.pixels]
        sight = self._sight(image, slices) if gate else None
        chosen = route(image, sight) if named == AUTO else get_task(named)
        if isinstance(chosen, Quality):
            return _refused(None, chosen, start)
        problems = judge(image, chosen, self.gate, sight).problems if gate else ()
        asked = self.shelf.installed.get(bundle) if bundle else self.shelf.installed.default(chosen.name)
        if asked is None:
            self.shelf.installed.check_usable(chosen.name)
            problems = (*problems, self._unreleased(chosen))
        elif gate:
            problems = (*problems, *check_age(image, chosen, asked.bundle.labels))
        if asked is None or problems:
            return _refused(chosen.name, Quality.of(problems), start)
        answer = self._answer(image, slices, self.shelf.engine(asked.bundle.name), gate=gate, explain=explain)
        return replace(answer, seconds=time.perf_counter() - start)

    def predict_admitted(self, image: Image, task: str, bundle: str) -> Prediction:
        """Answer an image that was answered by another version of the bundle of this name, so that the gate let it in.

        What hangs on the bundle is asked all the same: the ages its labels are meant for, and how far its training
        pictures lie. There is no map. Raises UnknownBundle if the bundle is not installed or answers another task,
        BundleError if it cannot be used.
        """
        start = time.perf_counter()
        asked = self.shelf.installed.get(bundle, task)
        problems = tuple(check_age(image, get_task(task), asked.bundle.labels))
        if problems:
            return _refused(task, Quality.of(problems), start)
        slices = [Slice(pixels) for pixels in image.pixels]
        answer = self._answer(image, slices, self.shelf.engine(bundle), gate=True, explain=False)
        return replace(answer, seconds=time.perf_counter() - start)

    def _sight(self, image: Image, slices: Sequence[Slice]) -> Sight | None:
        """Return what the gate network sees, None where it is not asked or none is installed."""
        network = self.shelf.gate() if self.gate is Gate.FULL else None
        return look(image, network, slices) if network else None

    def _check_asked(self, task: str, bundle: str | None, *, gate: bool) -> str:
        """Return the task that is asked, perhaps AUTO."""
        named = self.task_of(task, bundle)
        if named == AUTO and not gate:
            raise ValueError("gate=False needs a named task: without the gate nothing chooses one")
        return named

    def _answer(
        self, image: Image, slices: Sequence[Slice], engine: Engine, *, gate: bool, explain: bool
    ) -> Prediction:
        grey = np.stack([grey_levels(entry, image.unit, engine.bundle.preprocessing) for entry in slices])
        middle = len(grey) // 2
        logits, features = _middle(engine, grey, middle)
        if gate and self.gate is Gate.FULL and _is_unlike(engine, features):
            found = "No picture that the network learnt from looks like this."
            problem = Problem.found(ProblemCode.UNLIKE_TRAINING_DATA, found)
            return _refused(engine.bundle.task, Quality((problem,)), time.perf_counter())
        by_slice = engine.probabilities(_finite(engine, logits))
        age = image.source.patient_age_years if gate else None
        below_age = get_task(engine.bundle.task).labels_below_age(age)
        findings, prediction_set = self._decided(engine, by_slice.mean(axis=0), below_age)
        driving = _driving_slice(by_slice, findings)
        known = features if driving == middle else None  # cheaper to run again than to keep those of every slice
        return Prediction(
            task=engine.bundle.task,
            bundle=engine.installed.identity,
            findings=findings,
            prediction_set=prediction_set,
            slices=self._slices(image, engine, by_slice, below_age),
            explanation=_explanation(image, engine, maps_of(engine, grey[driving], known), driving)
            if explain
            else None,
            created=datetime.now(UTC),
        )

    def _decided(
        self, engine: Engine, probabilities: NDArray[np.float64], below_age: Set[str]
    ) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
        """Return the findings for probabilities (labels,), and the labels that may be present by the prediction set.

        What the patient is too young for is not decided.
        """
        profile = self._profiles.get(engine.installed.sha256)
        chosen = profile.thresholds if profile else {}
        thresholds = {**engine.bundle.thresholds, **chosen}
        named = dict(zip(engine.bundle.labels, probabilities.tolist(), strict=True))
        possible = engine.sets.possible(named) if engine.sets else None
        findings = decide(named, thresholds, exclusive=engine.bundle.exclusive, possible=possible, binding=chosen)
        decided = tuple(
            replace(finding, presence=Presence.INDETERMINATE) if finding.label in below_age else finding
            for finding in findings
        )
        return decided, possibly_present(possible or {})

    def _unreleased(self, task: Task) -> Problem:
        reasons = {label.why_unreleased for label in task.labels if not label.released}
        found = f"{task.title} has no released network. {' '.join(sorted(reasons))}".strip()
        others = [entry.bundle.name for entry in self.shelf.installed.of_task(task.name)]
        if others:
            found += f" These answer it where they are named: {', '.join(others)}."
        return Problem.found(ProblemCode.UNRELEASED_FINDING, found)

    def _slices(
        self, image: Image, engine: Engine, by_slice: NDArray[np.float64], below_age: Set[str]
    ) -> tuple[SliceFindings, ...]:
        if not image.is_volume:
            return ()
        return tuple(
            SliceFindings(index, self._decided(engine, row, below_age)[0])
            for index, row in zip(image.slice_indices, by_slice, strict=True)
        )


def _middle(
    engine: Engine, grey: NDArray[np.uint8], middle: int
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Return the logits (n, labels) of all slices, and the features (h, w, channels) of the middle one if there are."""
    if engine.head is None:
        return engine.logits(grey), None
    logits, features = engine.run(grey[middle : middle + 1])
    parts = engine.logits(grey[:middle]), logits, engine.logits(grey[middle + 1 :])
    return np.concatenate(parts), features[0]


def _is_unlike(engine: Engine, features: NDArray[np.float32] | None) -> bool:
    """Say whether features (h, w, channels) lie further from those of the training pictures than the bundle allows."""
    return bool(engine.reference and features is not None and engine.reference.is_unlike(features.mean(axis=(0, 1))))


def _finite(engine: Engine, logits: NDArray[np.float32]) -> NDArray[np.float32]:
    if not np.isfinite(logits).all():
        identity = engine.installed.identity
        raise BundleError(
            f"{identity.name} {identity.version} gives no number for this image. Use another bundle, or make it again."
        )
    return logits


def _driving_slice(by_slice: NDArray[np.float64], findings: Sequence[Finding]) -> int:
    """Return the position of the slice with the highest probability of the volume's leading label."""
    leading = int(np.argmax([finding.probability for finding in findings]))
    return int(np.argmax(by_slice[:, leading]))


def _explanation(image: Image, engine: Engine, maps: NDArray[np.float32], position: int) -> Explanation:
    rows, columns = image.pixels.shape[1:]
    return Explanation(
        method=engine.bundle.explanation,
        maps=dict(zip(engine.bundle.labels, maps, strict=True)),
        extent=extent(rows, columns, engine.bundle.preprocessing),
        slice_index=image.slice_indices[position],
    )


def _refused(task: str | None, quality: Quality, start: float) -> Prediction:
    return Prediction(task, None, quality=quality, seconds=time.perf_counter() - start, created=datetime.now(UTC))
