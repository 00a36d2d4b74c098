"""Progress of long work in stages: a bar on a terminal, now and then a plain line in a log file."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

import click

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar  # what click.progressbar returns, which it names nowhere else

__all__ = ["stage_progress"]

_PAUSE_S = 30.0
"""Between two lines of a stage in a log file: an hour makes 120 of them."""


def stage_progress(stream: TextIO, clock: Callable[[], float] = time.monotonic) -> Callable[[str, int, int], None]:
    """Return a callback (stage, done, total) that shows progress on `stream`.

    On a terminal it is one bar per stage. Elsewhere it is a line at the first step of a stage, at the last one, and
    after every half a minute between.
    """
    return _terminal(stream) if stream.isatty() else _lines(stream, clock)


def _terminal(stream: TextIO) -> Callable[[str, int, int], None]:
    bars: dict[str, ProgressBar[int]] = {}

    def show(stage: str, done: int, total: int) -> None:
        if stage not in bars:
            bars[stage] = click.progressbar(length=total, label=stage, file=stream)
            bars[stage].render_progress()
        bars[stage].update(done - bars[stage].pos)
        if done >= total:
            bars.pop(stage).render_finish()

    return show


def _lines(stream: TextIO, clock: Callable[[], float]) -> Callable[[str, int, int], None]:
    last: dict[str, float] = {}

    def show(stage: str, done: int, total: int) -> None:
        now = clock()
        if stage not in last or done >= total or now - last[stage] >= _PAUSE_S:
            last[stage] = now
            click.echo(f"{stage}: {done} of {total}", file=stream)

    return show
