from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from radiolens.cli import Commands
from radiolens.cli.system_errors import told


class Failing(Commands):
    """A group whose only command does one thing."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__("radiolens", table={}, prefix="")
        self._work = work

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        return click.Command(cmd_name, callback=self._work)


def run(work: Callable[[], object]) -> Result:
    return CliRunner().invoke(Failing(work), ["work"])


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("film.png", "film.png: a file stands where a folder is needed. Choose another place, or move the file away."),
        ("film.png/a", "film.png/a: a file stands where a folder is needed."),
        ("a" * 300, "the name is longer than a file's may be. Choose a shorter one."),
    ],
)
def test_a_place_where_no_folder_can_be_is_told(tmp_path: Path, place: str, expected: str) -> None:
    (tmp_path / "film.png").touch()
    folder = tmp_path / place
    result = run(lambda: folder.mkdir(exist_ok=True))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"radiolens: {tmp_path}")
    assert expected in result.stderr


def test_a_folder_in_the_place_of_a_file_is_told(tmp_path: Path) -> None:
    result = run(lambda: tmp_path.write_text("a"))
    assert result.stderr.startswith(f"radiolens: {tmp_path}: a folder stands where a file is needed.")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told() -> None:
    result = run(lambda: Path("/dev/full").write_text("a" * 100_000))
    assert result.exit_code == 1
    assert result.stderr == "radiolens: the disk is full. Make room, then call the command again.\n"


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EPERM, errno.EDQUOT])
def test_what_the_system_forbids_is_told_with_its_place(number: int) -> None:
    sentence = told(OSError(number, "", "/mnt/films"))
    assert sentence is not None
    assert sentence.startswith("/mnt/films: ")


def test_what_no_place_explains_keeps_its_trace() -> None:
    assert told(OSError(errno.EBADF, "Bad file descriptor")) is None
    assert told(OSError(errno.EACCES, "of no file")) is None
    result = run(lambda: sys.stdin.fileno())
    assert isinstance(result.exception, OSError)
