"""Answers uploads in worker threads, so that the event loop stays free."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TypeVar

import anyio
import anyio.to_thread

from radiolens.errors import InputError, UnreadableImage
from radiolens.image import Image
from radiolens.imaging.archive import Member, is_archive, read_archive
from radiolens.imaging.companions import without_companions
from radiolens.imaging.formats import recognise
from radiolens.imaging.series import looks_like_dicom
from radiolens.imaging.untrusted import read_untrusted
from radiolens.inference.bulk import Input, grouped
from radiolens.inference.lineup import Lineup, LiveLineup
from radiolens.inference.predict import Predictor
from radiolens.prediction import Prediction
from radiolens.web.problems import HTTPProblem

__all__ = ["Answer", "Answerer"]


_View = TypeVar("_View")


@dataclass(frozen=True, eq=False)
class Answer:
    """One input with its answer; `image` is None where it could not be read.

    `files` counts those of the series. `known_format` says whether the bytes begin as a kind of file that is read.
    `seconds` is from bytes to answer.
    """

    name: str
    result: Prediction | InputError
    image: Image | None = None
    files: int = 1
    known_format: bool = True
    seconds: float = 0.0


class Answerer:
    """The networks behind a limit of two uploads at a time: as many as there are children that read files."""

    def __init__(self, live: LiveLineup) -> None:
        self.live = live
        self._limiter = anyio.CapacityLimiter(2)
        self._archive = threading.Lock()

    @property
    def predictor(self) -> Predictor:
        """Return the networks that answer now; whoever shows an answer needs those that gave it (`answer`)."""
        return self.live.now.predictor

    async def answer(
        self,
        files: list[Member],
        task: str,
        view: Callable[[Answer, Lineup], _View],
        *,
        bundle: str | None = None,
        explain: bool = True,
        at_most: int | None = None,
    ) -> list[_View]:
        """Return a view of the answer to each series and each other file, by the bundle of this name.

        `files` is emptied; what only comes along with images is passed over. `view` gets the answer and the lineup that
        gave it, the same for all; it runs in the worker thread, too, and on one answer after the other, so that no more
        than one decoded image is in memory. Raises HTTPProblem 422, before anything is decoded, if there are more than
        `at_most` series and other files.
        """

        def work() -> list[_View]:
            files[:] = without_companions(files)
            # An unpacked archive may be as large as all uploads together, so there is but one in memory.
            with self._archive if _is_archive(files) else nullcontext():
                entries = _inputs(files)
                _check_count(len(entries), at_most)
                lineup = self.live.follow()
                return [
                    view(_answer(lineup.predictor, entries.popleft(), task, bundle, explain=explain), lineup)
                    for _ in range(len(entries))
                ]

        return await anyio.to_thread.run_sync(work, limiter=self._limiter)


def _answer(predictor: Predictor, entry: Input, task: str, bundle: str | None, *, explain: bool) -> Answer:
    start = time.perf_counter()
    try:
        if entry.problem:
            raise entry.problem
        image = read_untrusted(entry.files)
    except InputError as error:
        known = not entry.files or _is_known(entry.files[0])
        seconds = time.perf_counter() - start
        # Without its trace, whose frames hold the upload.
        return Answer(entry.name, error.with_traceback(None), known_format=known, seconds=seconds)
    prediction = predictor.predict_image(image, task, explain=explain, bundle=bundle)
    seconds = time.perf_counter() - start
    return Answer(entry.name, replace(prediction, seconds=seconds), image, len(entry.files), seconds=seconds)


def _is_archive(files: Sequence[Member]) -> bool:
    return len(files) == 1 and is_archive(files[0].data)


def _inputs(files: list[Member]) -> deque[Input]:
    """Return the series and other files of an upload, which is emptied."""
    if not _is_archive(files):
        members = files[:]
        files.clear()
        return deque(grouped(members))
    name = files[0].name
    try:
        members = read_archive(files.pop().data)
    except UnreadableImage as error:
        return deque([Input(name, (), error.with_traceback(None))])
    return deque(grouped([Member(f"{name}/{entry.name}", entry.data) for entry in without_companions(members)]))


def _check_count(count: int, at_most: int | None) -> None:
    if at_most is not None and count > at_most:
        detail = (
            f"The upload holds {count} images or series, and one request gets one answer. "
            "Send each image, or the files of each series, in a request of its own."
        )
        raise HTTPProblem(422, "More than one image", detail)


def _is_known(data: bytes) -> bool:
    try:
        recognise(data)
    except UnreadableImage:
        return looks_like_dicom(data)  # one behind the beginning of another kind of file is known, and refused
    return True
