"""Ctrl+C is heeded even where its exception is lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["interrupts_heeded"]


@contextmanager
def interrupts_heeded() -> Iterator[Callable[[], None]]:
    """Yield a function that raises KeyboardInterrupt once Ctrl+C was pressed in the block.

    It is raised at once as well, as always. But what is raised within a finalizer is lost, and a step of TensorFlow
    runs many of them. Outside of the main thread, and where somebody else handles the signal, nothing is added.
    """
    pressed = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        pressed.set()
        signal.default_int_handler(number, frame)

    def check() -> None:
        if pressed.is_set():
            raise KeyboardInterrupt

    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield check
        return
    signal.signal(signal.SIGINT, handle)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
