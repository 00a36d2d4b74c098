"""The hostile corpus on the command line: every file gets its line, and none keeps the others from theirs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from radiolens.inference.record import KEYS
from tests.hostile_corpus import CORPUS, Hostile
from tests.hostile_files import film_png
from tests.process_tree import PeakMemory, needs_proc

pytestmark = [needs_proc, pytest.mark.slow]

MEMORY_BYTES = 1_200_000_000
LEAKS = re.compile(r"Doe|Jane|ID4711|Traceback|site-packages|\.py\b|/tmp|/work")


@dataclass(frozen=True)
class Run:
    """What the command printed, how it ended and what memory it took."""

    rows: list[dict[str, Any]]
    errors: str
    exit_code: int
    peak_bytes: int
    files: list[Path]


def predict(folder: Path, files: list[Path]) -> Run:
    command = [sys.executable, "-m", "radiolens", "predict", *map(str, files), "--task", "chest-xray", "--json"]
    environment = {**os.environ, "RADIOLENS_HOME": str(folder)}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        with PeakMemory(process.pid) as memory:
            output, errors = process.communicate(timeout=600)
        return Run(
            [json.loads(line) for line in output.splitlines()], errors, process.returncode, memory.peak_bytes, files
        )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Answer the whole corpus in one call, between two honest films."""
    folder = tmp_path_factory.mktemp("corpus")
    names = ["first-honest-film.png", *(case.name for case in CORPUS), "last-honest-film.png"]
    for name, data in zip(names, [film_png(), *(case.data for case in CORPUS), film_png()], strict=True):
        (folder / name).write_bytes(data)
    return predict(folder, [folder / name for name in names])


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_a_hostile_file_gets_one_line_that_says_why_it_is_unreadable(run: Run, case: Hostile) -> None:
    (row,) = (row for row in run.rows if f"/{case.name}/" in row["path"] + "/")
    assert tuple(row) == KEYS
    if case.harmless and row["status"] != "unreadable":
        assert row["status"] in ("answered", "refused"), case.harmless
        return
    assert (row["status"], row["findings"], row["bundle"]) == ("unreadable", [], None)
    (problem,) = row["problems"]
    assert problem["code"] == case.code
    assert re.search(case.message, problem["message"])
    assert not LEAKS.search(problem["message"])


def test_the_honest_films_before_and_after_are_answered_alike(run: Run) -> None:
    first, last = run.rows[0], run.rows[-1]
    assert (first["status"], last["status"]) == ("answered", "answered")
    assert first["findings"] == last["findings"]


def test_lines_are_in_the_order_of_the_files(run: Run) -> None:
    assert len(run.rows) == len(run.files)
    assert all(row["path"].startswith(str(file)) for row, file in zip(run.rows, run.files, strict=True))


def test_unreadable_files_make_the_exit_code_1_and_nothing_else_is_said(run: Run) -> None:
    assert run.exit_code == 1
    assert not LEAKS.search(run.errors)


def test_program_and_children_stay_within_their_memory(run: Run) -> None:
    assert 0 < run.peak_bytes < MEMORY_BYTES


def test_wicked_names_in_archives_write_nothing_anywhere(run: Run) -> None:
    assert not Path("/tmp/radiolens-escaped").exists()  # noqa: S108  the path that the corpus names, not one we write
    assert {path.name for path in run.files[0].parent.iterdir()} == {path.name for path in run.files}


def test_an_honest_file_alone_exits_with_0(tmp_path: Path) -> None:
    (tmp_path / "film.png").write_bytes(film_png())
    found = predict(tmp_path, [tmp_path / "film.png"])
    assert (found.exit_code, [row["status"] for row in found.rows]) == (0, ["answered"])
