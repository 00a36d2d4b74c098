"""Scores what waits in the queue, in threads of the app: each takes an image, reads it, has it answered, stores it."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from radiolens.errors import BundleError, InputError, StoreError, StoreUnavailable, WrongState
from radiolens.image import Image
from radiolens.imaging.untrusted import read_untrusted
from radiolens.inference.lineup import LiveLineup
from radiolens.inference.record import record
from radiolens.store.schema import ImageState
from radiolens.worklist.disclosure import Failure
from radiolens.worklist.facts import facts_of
from radiolens.worklist.maps import maps_to_bytes
from radiolens.worklist.queue import Claimed, Outcome, Queue
from radiolens.worklist.working_store import WorkingStore

__all__ = ["Scorer"]

_log = logging.getLogger(__name__)

_IDLE_S = 1.0  # between two looks into the queue, which another process may have filled
_PATIENCE_S = (1.0, 2.0, 5.0, 10.0, 30.0)  # between two tries while the database or the disk does not take a result
_FOLLOWED_S = 1.0  # so long another process's choice of a network may be unknown; one made here is known at once
_STOP_S = 30.0  # for the images in hand at the end; what is cut is taken up at the next start

_DEFECT = {
    "code": Failure.SCORING_FAILED.value,
    "message": "The program failed on this image. Have it read by a radiologist, and tell the one who runs the "
    "program; its log tells more.",
}


class Scorer:
    """Some threads that score until `stop`; `tell` is called after each image that ended or began."""

    def __init__(
        self, queue: Queue, store: WorkingStore, lineup: LiveLineup, threads: int, tell: Callable[[], None]
    ) -> None:
        self._queue = queue
        self._store = store
        self._lineup = lineup
        self._tell = tell
        self._unreturned: deque[Claimed] = deque()  # the database did not take them back
        self._stopping = threading.Event()
        self._work = threading.Condition()
        self._threads = [
            threading.Thread(target=self._run, name=f"scorer-{number}", daemon=True) for number in range(threads)
        ]

    def start(self) -> None:
        """Begin, first with what dead processes had in hand."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Say that there is something to do."""
        with self._work:
            self._work.notify_all()

    def stop(self) -> None:
        """End after the images in hand."""
        self._stopping.set()
        self.wake()
        end = time.monotonic() + _STOP_S
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _run(self) -> None:
        failures, busy = 0, False
        while not self._stopping.is_set():
            try:
                busy = self._step(likely=busy)
                failures = 0
            except StoreError as error:
                _log.warning("The work list cannot go on for now, and tries again. %s", error)
                self._stopping.wait(_PATIENCE_S[min(failures, len(_PATIENCE_S) - 1)])
                failures += 1
            else:
                if not busy:
                    self._rest()

    def _rest(self) -> None:
        with self._work:
            if not self._stopping.is_set():
                self._work.wait(_IDLE_S)

    def _step(self, *, likely: bool) -> bool:
        """Do one image, and say whether there was one; after another one that is `likely`."""
        self._return_claims()
        claimed = self._queue.claim(likely=likely) or (self._queue.claim() if self._queue.take_back() else None)
        if claimed is None:
            return False
        self._tell()
        unused: str | None = None
        try:
            outcome = self._outcome(claimed)
            unused = outcome.map_name
            if self._queue.finish(claimed, outcome):
                unused = None
        except StoreError:
            self._unreturned.append(claimed)
            raise
        finally:
            if unused:
                with suppress(StoreError):
                    self._store.erase(unused)
            self._tell()
        return True

    def _return_claims(self) -> None:
        """Give back what could not be ended, as soon as the database takes it; if this process ends, its lease does."""
        while self._unreturned:
            claimed = self._unreturned.popleft()
            try:
                self._queue.give_back(claimed)
            except StoreError:
                self._unreturned.append(claimed)
                raise

    def _outcome(self, claimed: Claimed) -> Outcome:
        try:
            return self._scored(claimed)
        except StoreError:
            raise
        except Exception:  # noqa: BLE001  a process edge: one film's defect must not end the scoring of all others
            _log.exception("image %s met a defect of the program", claimed.image_id)
            return Outcome(ImageState.FAILED, problem=_DEFECT)

    def _scored(self, claimed: Claimed) -> Outcome:
        start = time.perf_counter()
        try:
            files = self._store.get(claimed.store_name)
        except WrongState as error:
            return _failed(Failure.ERASED, error)
        except StoreUnavailable as error:
            return _failed(Failure.WORKING_COPY_LOST, error)
        try:
            image = read_untrusted(files)
        except InputError as error:
            told = record("", error)
            return Outcome(ImageState(told["status"]), problem=told["problems"][0])
        del files  # as large as the image, and not needed while the network runs
        try:
            return self._answered(image, claimed, start)
        except BundleError as error:
            _log.warning("image %s is not answered. %s", claimed.image_id, error)
            return _failed(Failure.NETWORK_FAILED, error)

    def _answered(self, image: Image, claimed: Claimed, start: float) -> Outcome:
        lineup = self._lineup.follow(_FOLLOWED_S)
        answer = lineup.predictor.predict_image(image, claimed.task, bundle=claimed.bundle)
        seconds = time.perf_counter() - start
        return Outcome(
            ImageState.ANSWERED if answer.answered else ImageState.REFUSED,
            replace(answer, seconds=seconds, explanation=None),
            lineup.shadow_answer(image, answer),
            facts=facts_of(image, answer.explanation).record(),
            map_name=self._store.put([maps_to_bytes(answer.explanation)], durable=False)
            if answer.explanation
            else None,
        )


def _failed(why: Failure, error: Exception) -> Outcome:
    return Outcome(ImageState.FAILED, problem={"code": why.value, "message": str(error)})
