"""Progress: a bar on a terminal, plain lines now and then in a log file."""

from __future__ import annotations

import io
import os

from radiolens.cli.stages import stage_progress


class Clock:
    """Time that goes on by ten seconds with each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 10.0
        return self.now


def test_a_log_file_gets_first_and_last_step_and_one_line_every_half_minute() -> None:
    stream = io.StringIO()
    show = stage_progress(stream, Clock())
    for stage in ("epoch 1 of 2", "epoch 2 of 2"):
        for done in range(1, 9):
            show(stage, done, 8)
    lines = [f"epoch {epoch} of 2: {done} of 8" for epoch in (1, 2) for done in (1, 4, 7, 8)]
    assert stream.getvalue().splitlines() == lines
    assert stream.getvalue().isprintable() is False  # line ends only
    assert all(line.isprintable() for line in stream.getvalue().splitlines())


def waiting(parent: int) -> str:
    """Return all that a terminal has been sent; one read gives only the first piece."""
    os.set_blocking(parent, False)
    pieces = []
    try:
        while piece := os.read(parent, 65536):
            pieces.append(piece)
    except BlockingIOError:
        return b"".join(pieces).decode()
    return b"".join(pieces).decode()


def test_a_terminal_gets_one_bar_for_each_stage() -> None:
    parent, child = os.openpty()
    with os.fdopen(child, "w") as stream:
        show = stage_progress(stream)
        for stage in ("reading", "epoch 1"):
            for done in range(1, 4):
                show(stage, done, 3)
        stream.flush()
        shown = waiting(parent)
    os.close(parent)
    assert shown.count("\n") == 2
    assert "reading" in shown
    assert "100%" in shown
    assert shown.index("epoch 1") > shown.rindex("reading")
