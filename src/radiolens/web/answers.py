"""Answers uploads in a worker thread, so that the event loop stays free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import anyio

from radiolens.errors import InputError
from radiolens.image import Image
from radiolens.imaging.archive import Member
from radiolens.imaging.untrusted import read_untrusted
from radiolens.inference.bulk import Input, grouped, inputs_of
from radiolens.inference.predict import Predictor
from radiolens.prediction import Prediction

__all__ = ["Answer", "Reader"]


@dataclass(frozen=True, eq=False)
class Answer:
    """One input with its answer; `image` is None where it could not be read."""

    name: str
    result: Prediction | InputError
    image: Image | None = None


class Reader:
    """The predictor behind a limit of two readings at a time, so that one old processor is not overrun."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self._limiter = anyio.CapacityLimiter(2)

    async def read(self, files: Sequence[Member], task: str) -> list[Answer]:
        """Return an answer for each series and each other file."""
        return await anyio.to_thread.run_sync(self._read, files, task, limiter=self._limiter)

    def _read(self, files: Sequence[Member], task: str) -> list[Answer]:
        found = inputs_of(files[0]) if len(files) == 1 else grouped(files)
        return [self._answer(entry, task) for entry in found]

    def _answer(self, entry: Input, task: str) -> Answer:
        try:
            if entry.problem:
                raise entry.problem
            image = read_untrusted(entry.files)
        except InputError as error:
            return Answer(entry.name, error)
        return Answer(entry.name, self.predictor.predict_image(image, task), image)
