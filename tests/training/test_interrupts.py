"""Ctrl+C while something of C or a finalizer swallows what it raises."""

from __future__ import annotations

import signal
import threading

import pytest

from radiolens.training.interrupts import interrupts_heeded


class Finalized:
    """Gets Ctrl+C while it is finalized, where Python can only print what is raised."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_that_a_finalizer_swallowed_is_raised_by_the_check() -> None:
    with interrupts_heeded() as check:
        check()
        Finalized()
        with pytest.raises(KeyboardInterrupt):
            check()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_is_raised_at_once_where_nothing_swallows_it() -> None:
    with pytest.raises(KeyboardInterrupt), interrupts_heeded():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_who_handles_the_signal_otherwise_goes_on_doing_so() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    try:
        with interrupts_heeded() as check:
            signal.raise_signal(signal.SIGINT)
            check()
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [signal.SIGINT]


def test_another_thread_may_train() -> None:
    entered = threading.Event()

    def run() -> None:
        with interrupts_heeded() as check:
            check()
            entered.set()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert entered.is_set()
