"""What a hostile Keras file can do: nothing. Each ends in a sentence, and no code of any is run."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from radiolens.errors import BundleError
from radiolens.imaging.sandbox import Sandbox
from radiolens.training.imported.keras_file import inspect_file
from tests.hostile_keras import honest_h5, hostile_files, quiet_code_h5

INSPECT = "radiolens.training.imported.keras_file:inspect_file"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(preload=("radiolens.training.imported.keras_file",), children=1)
    yield made
    made.stop()


def told(sandbox: Sandbox, path: Path) -> str:
    """Return the error of an inspection, "" if there was none."""
    try:
        sandbox.run(INSPECT, (), {"path": str(path)})
    except BundleError as error:
        return str(error)
    return ""


def test_every_hostile_file_ends_in_a_sentence_and_runs_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    files = hostile_files(tmp_path, canary)
    answers = {name: (told(sandbox, path), message) for name, (path, message) in files.items()}
    wrong = {name: text for name, (text, message) in answers.items() if not re.search(message, text)}
    assert wrong == {}
    assert [text for text, _ in answers.values() if not text.endswith(".")] == []
    assert not canary.exists()


def test_the_honest_neighbour_of_the_hostile_files_is_read(sandbox: Sandbox, tmp_path: Path) -> None:
    facts = sandbox.run(INSPECT, (), {"path": str(honest_h5(tmp_path / "honest.h5"))}).facts
    assert [layer["kind"] for layer in facts["layers"]] == ["Flatten", "Dense"]
    assert facts["shape"] == [32, 32, 1]


def test_code_where_only_training_would_read_it_is_left_behind(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    quiet_code_h5(tmp_path / "quiet.h5", canary)
    facts = inspect_file((), {"path": str(tmp_path / "quiet.h5")}).facts
    assert facts["layers"][-1]["arguments"] == {"units": 1, "activation": "sigmoid", "use_bias": True}
    assert not canary.exists()


def test_an_archive_with_an_empty_name_is_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as archive, archive.open("", "w") as stream:
        stream.write(b"a")
    with pytest.raises(BundleError, match=r"must hold config\.json"):
        inspect_file((), {"path": str(tmp_path / "empty.keras")})


def test_a_file_cut_anywhere_is_refused_or_read_whole(sandbox: Sandbox, tmp_path: Path) -> None:
    whole = honest_h5(tmp_path / "whole.h5").read_bytes()
    for share in range(1, 20):
        cut = tmp_path / "cut.h5"
        cut.write_bytes(whole[: len(whole) * share // 20])
        with pytest.raises(BundleError, match=r"damaged|cut off|weights"):
            sandbox.run(INSPECT, (), {"path": str(cut)})
