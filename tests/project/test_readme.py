"""What the documents tell a reader to do or to open is there."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import radiolens
from tests.project.documents import DOCUMENTS, commands, links, text_of
from tests.project.source_tree import ROOT, modules

NAMED_COMMAND = re.compile(r"radiolens((?: [a-z][a-z0-9-]+)+)")
"""A command as it is named in prose and in messages: `radiolens data split`."""

OPTION = re.compile(r"--[a-z][a-z-]+")


GROUPS = (["audit"], ["bundle"], ["data"], ["db"], ["kept"], ["users"])
"""Commands that have commands of their own."""


@cache
def help_of(*words: str) -> str | None:
    """Return the help text of a command, None if there is no such command."""
    run = subprocess.run(
        [sys.executable, "-m", "radiolens", *words, "--help"], capture_output=True, text=True, check=False, timeout=60
    )
    return run.stdout if run.returncode == 0 else None


def command_words(line: str) -> tuple[str, ...]:
    """Return the command of a line that calls radiolens: the words up to the first argument that is none."""
    words = line.split()[1:]
    names = [word for word in words[:2] if re.fullmatch(r"[a-z][a-z0-9-]+", word)]
    return tuple(names if names[:1] in GROUPS else names[:1])


def calls() -> list[str]:
    found = {line for file in DOCUMENTS for line in commands(file) if re.match(r"radiolens( |$)", line)}
    return sorted(line for line in found if command_words(line))


def test_the_first_screen_of_the_readme_shows_the_two_commands_and_the_picture() -> None:
    screen = "\n".join(text_of("README.md").splitlines()[:24])
    for expected in ("make run", "make test", "docs/screenshot.png", "Not a medical device"):
        assert expected in screen


@pytest.mark.parametrize("line", calls())
def test_a_documented_call_of_the_command_line_exists_with_its_options(line: str) -> None:
    text = help_of(*command_words(line))
    assert text is not None, f"there is no command {' '.join(command_words(line))!r}"
    missing = [option for option in OPTION.findall(line) if option not in (*OPTION.findall(text), "--help")]
    assert missing == []


def test_a_command_named_in_the_source_exists() -> None:
    named = {
        command_words(f"radiolens {words}"): module.place
        for module in modules()
        for quoted in re.findall(r"`([^`\n]+)`", module.text)
        for words in NAMED_COMMAND.findall(quoted)
    }
    assert {words: place for words, place in named.items() if help_of(*words) is None} == {}


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_every_link_within_the_project_resolves(file: Path) -> None:
    within = [target for target in links(file) if not urlsplit(target).scheme and not target.startswith("#")]
    assert [target for target in within if not (file.parent / target.split("#")[0]).exists()] == []


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_every_documented_verb_of_make_exists(file: Path) -> None:
    verbs = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    asked = {verb for line in commands(file) for verb in re.findall(r"^make ([a-z-]+)", line)}
    assert asked <= verbs


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))["project"]["version"]
    newest = re.search(r"^## \[(\d[^]]*)\]", text_of("CHANGELOG.md"), re.MULTILINE)
    assert newest
    assert radiolens.__version__ == project == newest[1]


def test_every_version_in_the_changelog_says_whether_predictions_change() -> None:
    versions = re.split(r"^## ", text_of("CHANGELOG.md"), flags=re.MULTILINE)[1:]
    assert [version.split("\n")[0] for version in versions if "### Predictions\n" not in version] == []


def test_pre_commit_runs_the_versions_that_the_project_pins() -> None:
    pins = dict(re.findall(r'"(ruff|mypy)==([\d.]+)"', text_of("pyproject.toml")))
    named = set(re.findall(r"name: (ruff|mypy)[a-z ]*\(([\d.]+)\)", text_of(".pre-commit-config.yaml")))
    assert pins.keys() == {"ruff", "mypy"}
    assert named == set(pins.items())


def test_the_requirements_are_the_package_itself() -> None:
    lines = [line for line in text_of("requirements.txt").splitlines() if not line.startswith("#")]
    assert lines == ["."]
