"""`radiolens kept` on a site that keeps images."""

from __future__ import annotations

import csv
import json
import stat
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from click.testing import CliRunner, Result

from radiolens.cli import cli
from radiolens.imaging.untrusted import read_untrusted
from radiolens.store import audit
from radiolens.store.audit import Entry
from radiolens.store.database import open_database
from radiolens.store.schema import LOCAL_USER_ID
from tests.worklist.kept import read_kept
from tests.worklist.site import Clock, films, site


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RADIOLENS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def cases(home: Path) -> tuple[UUID, UUID]:
    """Give two cases whose images are kept, the second since a day later."""
    clock = Clock()
    with site(home, clock=clock) as found:
        found.keep_images(days=30)
        one = found.case(*films(1))
        found.work_list.close(LOCAL_USER_ID, one)
        clock.forward(days=1)
        two = found.case(films(2)[1])
        found.work_list.close(LOCAL_USER_ID, two)
    return one, two


def run(*arguments: object, answer: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["kept", *map(str, arguments)], input=answer)


def working(home: Path) -> list[Path]:
    return list((home / "working").iterdir())


def told(home: Path, action: str) -> Sequence[Entry]:
    with closing(open_database(f"sqlite:///{home}/radiolens.db")) as database, database.reading() as session:
        return list(audit.entries(session, action=action))


def test_what_is_kept_is_listed_as_lines_and_as_objects(cases: tuple[UUID, UUID]) -> None:
    one, two = run("list").stdout.splitlines()
    assert one.startswith(f"{cases[0]}  image 1   png")
    assert one.endswith("kept 2026-03-01, until 2026-03-31")
    assert two.startswith(str(cases[1]))
    (row,) = map(json.loads, run("list", "--case", cases[1], "--json").stdout.splitlines())
    assert (row["case_id"], row["image"], row["header"]["source"]["format"]) == (str(cases[1]), 1, "png")
    assert row["erase_after"].startswith("2026-04-01T08:00:00")


@pytest.mark.parametrize("which", [("--case", 0), ("--before", "2026-03-02"), ("--all",)])
def test_kept_images_are_erased_by_case_by_day_or_all_once_that_is_confirmed(
    home: Path, cases: tuple[UUID, UUID], which: tuple[str, ...]
) -> None:
    chosen = [cases[word] if isinstance(word, int) else word for word in which]
    count, left = (2, 0) if "--all" in which else (1, 1)
    stopped = run("erase", *chosen, answer="n\n")
    assert stopped.exit_code == 1
    assert f"Erase {count} kept images for good?" in stopped.stdout
    assert len(working(home)) == 2
    done = run("erase", *chosen, answer="y\n")
    assert done.exit_code == 0
    assert f"erased: {count} kept images" in done.stdout
    assert len(working(home)) == left
    assert [line[:36] for line in run("list").stdout.splitlines()] == [str(cases[1])] * left
    entries = told(home, "kept_image.erase")
    assert {(entry.actor, entry.detail["case"]) for entry in entries} <= {("console", str(case)) for case in cases}
    assert len(entries) == count


def test_erasing_asks_for_nothing_with_yes_and_where_nothing_fits(home: Path, cases: tuple[UUID, UUID]) -> None:
    assert run("erase", "--before", "2026-03-01").stdout == "erased: 0 kept images\n"
    assert run("erase", "--all", "--yes").stdout == "erased: 2 kept images\n"
    assert working(home) == []


@pytest.mark.parametrize("which", [(), ("--all", "--before", "2026-03-01")])
def test_it_has_to_be_said_which_are_to_be_erased(home: Path, which: tuple[str, ...]) -> None:
    result = run("erase", *which)
    assert result.exit_code == 2
    assert "Say which: --case ID, --before DAY or both, or else --all." in result.stderr


def test_an_export_is_in_clear_for_its_owner_alone_and_is_told_in_the_audit_log(
    home: Path, cases: tuple[UUID, UUID], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    assert run("export", folder).stdout == f"written: {folder}: 2 images, not encrypted\n"
    with (folder / "images.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["case_id"], row["image"]) for row in rows] == [(str(case), "1") for case in cases]
    for row, data in zip(rows, films(2), strict=True):
        found = read_kept((folder / row["file"]).read_bytes())
        np.testing.assert_array_equal(found.pixels, read_untrusted([data]).pixels)
        assert stat.S_IMODE((folder / row["file"]).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (entry,) = told(home, "kept_image.export")
    assert (entry.actor, entry.detail) == ("console", {"images": 2})
    again = run("export", folder)
    assert again.exit_code == 1
    assert again.stderr == f"radiolens: {folder} cannot be written: File exists. Name a new folder.\n"


def test_what_cannot_be_opened_is_counted_and_the_rest_is_exported(
    home: Path, cases: tuple[UUID, UUID], tmp_path: Path
) -> None:
    working(home)[0].write_bytes(b"damaged")
    result = run("export", tmp_path / "out")
    assert result.exit_code == 1
    assert "1 images, not encrypted" in result.stdout
    assert "1 kept images could not be opened: they are damaged, or their key is lost." in result.stderr
    assert len(list((tmp_path / "out").glob("*.npz"))) == 1
