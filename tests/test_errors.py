"""The tree of errors: as it is drawn, and what its leaves carry."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from radiolens import errors
from radiolens.errors import (
    CorruptBundle,
    InvalidManifest,
    PatientLeakage,
    PeerError,
    RadiolensError,
    RejectedImage,
    UnknownTask,
    UnreadableImage,
    UnsupportedImage,
)
from radiolens.quality import Problem, ProblemCode, Quality


def drawn() -> dict[str, str]:
    """Return the parent of each error in the picture of the docstring."""
    parents, path = {}, ["RadiolensError"]
    for line in (errors.__doc__ or "").splitlines():
        branch = re.search(r"[├└]── (\w+)", line)
        if branch:
            depth = 1 + (branch.start() - 5) // 5
            path = [*path[:depth], branch[1]]
            parents[branch[1]] = path[depth - 1]
    return parents


def test_the_tree_is_as_it_is_drawn() -> None:
    classes = {name: getattr(errors, name) for name in errors.__all__}
    assert drawn() == {name: kind.__base__.__name__ for name, kind in classes.items() if kind is not RadiolensError}
    assert RadiolensError.__base__ is Exception


def test_an_unreadable_image_has_a_code() -> None:
    assert UnreadableImage("Damaged.").code is ProblemCode.UNREADABLE
    assert UnreadableImage("Too large.", ProblemCode.TOO_LARGE).code is ProblemCode.TOO_LARGE
    assert UnsupportedImage("A knee.", ProblemCode.WRONG_BODY_PART).code is ProblemCode.WRONG_BODY_PART


def test_a_rejected_image_says_all_that_is_wrong_with_it() -> None:
    quality = Quality((Problem(ProblemCode.TOO_DARK, "It is dark."), Problem(ProblemCode.ROTATED, "It lies.")))
    error = RejectedImage(quality)
    assert (str(error), error.quality) == ("It is dark. It lies.", quality)


@pytest.mark.parametrize(
    ("row", "column", "place"),
    [(None, None, "m.csv"), (3, None, "m.csv, row 3"), (3, "age", "m.csv, row 3, column 'age'")],
)
def test_an_invalid_manifest_names_the_place(row: int | None, column: str | None, place: str) -> None:
    error = InvalidManifest("An age of 300.", Path("m.csv"), row, column)
    assert str(error) == f"{place}: An age of 300."
    assert (error.file, error.row, error.column) == (Path("m.csv"), row, column)


def test_leaves_carry_their_facts() -> None:
    assert PatientLeakage("Two splits.", ["a1", "b2"]).hashed_ids == ("a1", "b2")
    corrupt = CorruptBundle("model.onnx differs", "aa", "bb")
    assert (corrupt.expected, corrupt.found) == ("aa", "bb")
    assert str(corrupt) == "model.onnx differs: expected aa, found bb. Install the bundle again."
    unknown = UnknownTask("knee", ["chest-xray", "brain-mri"])
    assert (unknown.name, unknown.known) == ("knee", ("chest-xray", "brain-mri"))
    assert str(unknown) == "Unknown task 'knee'. Known tasks: chest-xray, brain-mri."
    peer = PeerError("refused", "PACS@10.0.0.1", 0xA700)
    assert (str(peer), peer.address, peer.status) == ("PACS@10.0.0.1: refused", "PACS@10.0.0.1", 0xA700)
