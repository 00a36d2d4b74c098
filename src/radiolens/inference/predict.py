"""From an image to its prediction: task, quality, preprocessing, network, calibration, decision, activation map."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiolens.bundle import RELEASED, Bundle, InstalledBundle, find_bundles, read_bundle
from radiolens.errors import BundleError, UnknownTask
from radiolens.explain.activation_map import class_activation_maps
from radiolens.image import Image
from radiolens.imaging.preprocess import extent, grey_levels
from radiolens.imaging.selection import MIDDLE, SliceSelection
from radiolens.imaging.untrusted import read_untrusted
from radiolens.inference.engine import Engine
from radiolens.inference.gate import route
from radiolens.prediction import Explanation, Finding, Prediction, SliceFindings, decide
from radiolens.profile import Profile
from radiolens.quality import Problem, ProblemCode, Quality
from radiolens.safety.intended_use import check_intended_use
from radiolens.task import Task
from radiolens.tasks import get_task

__all__ = ["AUTO", "Predictor"]

AUTO = "auto"
"""The task name that lets the header choose."""


class Predictor:
    """The installed bundles, opened when first needed and then kept. Thread-safe."""

    def __init__(
        self, installed: Mapping[str, InstalledBundle], threads: int = 0, profiles: Sequence[Profile] = ()
    ) -> None:
        self._installed = installed
        self._threads = threads
        self._profiles = {profile.bundle_sha256: profile for profile in profiles}
        self._engines: dict[str, Engine] = {}
        self._opening = threading.Lock()

    @classmethod
    def open(
        cls, folders: Sequence[Path] = (RELEASED,), threads: int = 0, profiles: Sequence[Profile] = ()
    ) -> Predictor:
        """Find and verify the bundles in `folders`, by task; `threads` 0 lets the runtime use every core.

        Raises CorruptBundle, and BundleError as `with_profile` does.
        """
        found = [read_bundle(folder) for folder in find_bundles(folders).values()]
        predictor = cls({entry.bundle.task: entry for entry in found}, threads)
        for profile in profiles:
            predictor = predictor.with_profile(profile)
        return predictor

    def with_profile(self, profile: Profile) -> Predictor:
        """Return a predictor that decides with a site's thresholds on the bundle they were chosen for.

        Raises BundleError if that bundle is not installed, or has not one of the profile's labels.
        """
        known = {entry.sha256: entry.bundle for entry in self._installed.values()}
        bundle = known.get(profile.bundle_sha256)
        if bundle is None:
            raise BundleError(
                f"The profile of {profile.site!r} was made for bundle {profile.bundle_sha256[:12]}, which is not "
                "installed. Plan the thresholds anew for the installed bundle."
            )
        strange = sorted(profile.thresholds.keys() - set(bundle.labels))
        if strange:
            raise BundleError(
                f"The profile of {profile.site!r} has thresholds for {', '.join(strange)}; the labels of "
                f"{bundle.name} {bundle.version} are {', '.join(bundle.labels)}. Correct the profile."
            )
        return Predictor(self._installed, self._threads, [*self._profiles.values(), profile])

    @property
    def tasks(self) -> tuple[str, ...]:
        """Return the names of the tasks that a bundle answers."""
        return tuple(self._installed)

    def bundle(self, task: str) -> Bundle:
        """Return what the bundle of a task says of itself; raise UnknownTask if there is none."""
        if task not in self._installed:
            raise UnknownTask(task, self.tasks)
        return self._installed[task].bundle

    def engine(self, task: str) -> Engine:
        """Return the opened bundle of a task; raise UnknownTask if there is none."""
        if task not in self._installed:
            raise UnknownTask(task, self.tasks)
        with self._opening:
            if task not in self._engines:
                self._engines[task] = Engine.open(self._installed[task].folder, self._threads)
            return self._engines[task]

    def predict(
        self,
        files: Sequence[bytes],
        task: str = AUTO,
        *,
        gate: bool = True,
        explain: bool = True,
        selection: SliceSelection = MIDDLE,
    ) -> Prediction:
        """Read one input (a file, or all files of a series) in a child process and answer it.

        Raises UnreadableImage, and UnknownTask and ValueError as `predict_image` does, before anything is read.
        """
        start = time.perf_counter()
        _check_asked(task, gate=gate)
        image = read_untrusted(files, selection)
        prediction = self.predict_image(image, task, gate=gate, explain=explain)
        return replace(prediction, seconds=time.perf_counter() - start)

    def predict_image(self, image: Image, task: str = AUTO, *, gate: bool = True, explain: bool = True) -> Prediction:
        """Answer an image that was read already. `gate` False scores what would be refused, and needs a named task.

        Raises UnknownTask for a task that does not exist, ValueError for no gate and no named task.
        """
        start = time.perf_counter()
        _check_asked(task, gate=gate)
        chosen = route(image) if task == AUTO else get_task(task)
        if isinstance(chosen, Problem):
            return _refused(None, Quality((chosen,)), start)
        quality = check_intended_use(image, chosen) if gate else Quality()
        if chosen.name not in self._installed:
            quality = Quality((*quality.problems, _unreleased(chosen)))
        if not quality.accepted:
            return _refused(chosen.name, quality, start)
        answer = self._answer(image, self.engine(chosen.name), explain=explain)
        return replace(answer, seconds=time.perf_counter() - start)

    def _answer(self, image: Image, engine: Engine, *, explain: bool) -> Prediction:
        grey = np.stack([grey_levels(pixels, image.unit, engine.bundle.preprocessing) for pixels in image.pixels])
        logits, features = engine.run(grey[:1])
        if len(grey) > 1:
            logits = np.concatenate([logits, engine.logits(grey[1:])])
        by_slice = engine.probabilities(logits)
        findings = self._findings(engine, by_slice.mean(axis=0))
        driving = _driving_slice(by_slice, findings)
        if explain and driving > 0:
            _, features = engine.run(grey[driving : driving + 1])  # cheaper than to keep the features of every slice
        return Prediction(
            task=engine.bundle.task,
            bundle=engine.installed.identity,
            findings=findings,
            slices=self._slices(image, engine, by_slice),
            explanation=_explanation(image, engine, features[0], driving) if explain else None,
            created=datetime.now(UTC),
        )

    def _findings(self, engine: Engine, probabilities: NDArray[np.float64]) -> tuple[Finding, ...]:
        profile = self._profiles.get(engine.installed.sha256)
        thresholds = {**engine.bundle.thresholds, **(profile.thresholds if profile else {})}
        named = dict(zip(engine.bundle.labels, probabilities.tolist(), strict=True))
        return decide(named, thresholds, exclusive=engine.bundle.exclusive)

    def _slices(self, image: Image, engine: Engine, by_slice: NDArray[np.float64]) -> tuple[SliceFindings, ...]:
        if not image.is_volume:
            return ()
        return tuple(
            SliceFindings(index, self._findings(engine, row))
            for index, row in zip(image.slice_indices, by_slice, strict=True)
        )


def _check_asked(task: str, *, gate: bool) -> None:
    if task != AUTO:
        get_task(task)
    elif not gate:
        raise ValueError("gate=False needs a named task: without the gate nothing chooses one")


def _driving_slice(by_slice: NDArray[np.float64], findings: Sequence[Finding]) -> int:
    """Return the position of the slice with the highest probability of the volume's leading label."""
    leading = int(np.argmax([finding.probability for finding in findings]))
    return int(np.argmax(by_slice[:, leading]))


def _explanation(image: Image, engine: Engine, features: NDArray[np.float32], position: int) -> Explanation:
    maps = class_activation_maps(features, engine.head_kernel)
    rows, columns = image.pixels.shape[1:]
    return Explanation(
        method=engine.bundle.explanation,
        maps=dict(zip(engine.bundle.labels, maps, strict=True)),
        extent=extent(rows, columns, engine.bundle.preprocessing),
        slice_index=image.slice_indices[position],
    )


def _unreleased(task: Task) -> Problem:
    reasons = {label.why_unreleased for label in task.labels if not label.released}
    found = f"{task.title} has no released network. {' '.join(sorted(reasons))}".strip()
    return Problem.found(ProblemCode.UNRELEASED_FINDING, found)


def _refused(task: str | None, quality: Quality, start: float) -> Prediction:
    return Prediction(task, None, quality=quality, seconds=time.perf_counter() - start, created=datetime.now(UTC))
