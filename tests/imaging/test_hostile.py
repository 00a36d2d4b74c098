"""Every file of the hostile corpus through the reader in the sandbox, as a program would call it."""

from __future__ import annotations

import re

import pytest

from radiolens.errors import UnreadableImage
from radiolens.imaging.archive import Member
from radiolens.imaging.limits import MIB, Limits
from radiolens.imaging.untrusted import read_untrusted
from radiolens.inference.bulk import inputs_of
from tests.hostile_corpus import CORPUS, Hostile
from tests.hostile_files import film_png

PRIVATE = re.compile(r"Doe|Jane|ID4711|Traceback|/work|/usr|/tmp|site-packages|\.py\b")
"""What must never be in a message: the patient of the corpus, a path, a trace."""

LIMITS = Limits(inflated_bytes=64 * MIB)
"""A quarter of the default, so that the bombs take a quarter of the time; the web app gets them with the default."""


def outcome(case: Hostile) -> UnreadableImage | list[tuple[int, ...]]:
    """Return what a file ends in: its error, or the shapes of its images."""
    shapes = []
    try:
        for entry in inputs_of(Member(case.name, case.data), LIMITS):
            if entry.problem:
                raise entry.problem
            shapes.append(read_untrusted(entry.files, limits=LIMITS).pixels.shape)
    except UnreadableImage as error:
        return error
    return shapes


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_a_hostile_file_ends_in_a_clear_error(case: Hostile) -> None:
    found = outcome(case)
    if case.harmless and not isinstance(found, UnreadableImage):
        assert found, f"no image, though {case.harmless}"
        return
    assert isinstance(found, UnreadableImage), f"answered: {found}"
    assert found.code is case.code
    message = str(found)
    assert re.search(case.message, message)
    assert not PRIVATE.search(message)
    assert message.endswith(".")
    assert len(message) < 400


def test_the_corpus_is_the_same_each_time_and_small() -> None:
    assert len({case.name for case in CORPUS}) == len(CORPUS)
    for case in CORPUS:
        data = case.data
        assert len(data) < 7_000_000
        assert case.data == data


def test_an_honest_file_is_read_as_ever_after_all_of_them() -> None:
    assert read_untrusted([film_png()]).pixels.shape == (1, 240, 200)
