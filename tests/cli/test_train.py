"""`radiolens train` and `export` on an experiment and a manifest of one's own: run, cut, resumed, sealed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from radiolens.cli import cli
from radiolens.data.manifest import Manifest, write_manifest
from radiolens.training.checkpoints import read_log
from tests.training import tiny_experiment
from tests.training.conftest import Run, collection, finished

__all__ = ["collection", "finished"]  # fixtures that are used here, too

TINY = tiny_experiment.__file__

WAIT_S = 400
"""For what takes fifteen seconds, on a busy machine minutes."""

KILLED = """
import os, signal
from dataclasses import replace
from radiolens.training import checkpoints
from tests.training.tiny_experiment import EXPERIMENT as TINY

EXPERIMENT = replace(TINY, name="mine", patience=9)  # kept by the best epoch, so that more than one checkpoint is there
put_in_place = checkpoints._put_in_place


def put_or_die(partial, file):
    if partial.name == os.environ["KILL_AT"]:
        os.truncate(partial, partial.stat().st_size // 2)  # as in the middle of writing it
        os.kill(os.getpid(), signal.SIGKILL)
    put_in_place(partial, file)
    if file.name == os.environ["KILL_AT"]:
        os.kill(os.getpid(), signal.SIGKILL)


if "KILL_AT" in os.environ:
    checkpoints._put_in_place = put_or_die
"""


def radiolens(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_an_own_experiment_trains_on_a_plain_manifest(
    ending: str, collection: Manifest, finished: Run, tmp_path: Path
) -> None:
    manifest = collection.file.with_name(f"again.{ending}")
    write_manifest(collection, manifest)
    found = radiolens("train", TINY, "--data", manifest, "--runs", tmp_path)
    assert found.exit_code == 0, found.output
    assert f"network: {tmp_path}/tiny/network.keras" in found.stdout
    lines = found.stderr.splitlines()
    assert "reading the images of the split train: 24 of 24" in lines
    assert "epoch 3 of 3: 4 of 4" in lines
    assert sum(line.startswith("epoch 2: loss ") for line in lines) == 1
    assert all(line.isprintable() for line in lines)
    for own, other in zip(read_log(tmp_path / "tiny"), finished.epochs, strict=True):
        assert asdict(own) == pytest.approx(asdict(other), abs=1e-5)


def test_a_leaking_manifest_is_refused_by_name(collection: Manifest, tmp_path: Path) -> None:
    cases = tuple(replace(case, patient_id="one") for case in collection.cases)
    manifest = collection.file.with_name("leaking.csv")
    write_manifest(replace(collection, cases=cases), manifest)
    found = radiolens("train", TINY, "--data", manifest, "--runs", tmp_path)
    assert found.exit_code == 1
    assert "stand in more than one split" in found.stderr
    assert not (tmp_path / "tiny").exists()


def test_a_bundle_is_exported_with_card_and_hashes_and_verifies(
    finished: Run, collection: Manifest, tmp_path: Path
) -> None:
    folder = tmp_path / "chest-xray" / "1.0.0"
    arguments = ["--data", collection.file, "--version", "1.0.0", "--runs", tmp_path / "runs"]
    found = radiolens("export", TINY, finished.network, folder, *arguments)
    assert found.exit_code == 0, found.output
    assert {file.name for file in (folder / "evidence").iterdir()} == {"model_card.md", "hashes.json"}
    assert radiolens("bundle", "verify", folder).exit_code == 0
    again = radiolens("export", TINY, finished.network, folder, *arguments)
    assert again.exit_code == 1
    assert "A bundle is never changed" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nothing"], 1, "Unknown experiment 'nothing'"),
        (["missing.py"], 1, "there is no such file"),
        (["chest_xray"], 1, "there is no manifest.csv in this folder"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence(arguments: list[str], code: int, message: str, tmp_path: Path) -> None:
    found = radiolens("train", *arguments, "--data", tmp_path, "--runs", tmp_path / "runs")
    assert found.exit_code == code
    assert message in found.stderr
    assert "Traceback" not in found.stderr


@contextmanager
def training(arguments: Sequence[object], told: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start `radiolens train` as a process of its own, which is gone afterwards whatever happens.

    Its standard error goes to the file `told`.
    """
    command = [sys.executable, "-m", "radiolens", "train", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment}
    with told.open("wb") as stderr, subprocess.Popen(command, env=environment, stderr=stderr) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_line(process: subprocess.Popen[bytes], told: Path, start: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while f"\n{start}" not in told.read_text():
        assert process.poll() is None, f"it ended by itself: {told.read_text()}"
        assert time.monotonic() < deadline, f"{start!r} took too long"
        time.sleep(0.01)


@pytest.mark.slow
def test_a_run_stopped_and_killed_ends_like_an_uninterrupted_one(collection: Manifest, tmp_path: Path) -> None:
    own = tmp_path / "mine.py"
    own.write_text(  # epochs of 300 batches, so that a signal comes in the middle of one
        "from dataclasses import replace\n"
        "from tests.training.tiny_experiment import EXPERIMENT as TINY\n"
        "EXPERIMENT = replace(TINY, name='mine', images_per_epoch=2400)\n"
    )
    arguments = [own, "--data", collection.file, "--runs"]
    run, messages = tmp_path / "cut" / "mine", tmp_path / "messages"
    for number, (end, code) in enumerate(((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)), 1):
        with training([*arguments, tmp_path / "cut"], messages) as process:
            wait_for_line(process, messages, f"epoch {number + 1} of 3: 1 of 300")
            process.send_signal(end)
            process.wait(WAIT_S)
        told = messages.read_text()
        assert process.returncode == code, told
        assert number <= len(read_log(run)) < 3  # no finished epoch is lost, and it was cut before the end
        assert ("keeps the finished epochs; the same command goes on from there." in told) == (end is signal.SIGINT)
    (run / "partial-epoch.keras").write_bytes(b"half a checkpoint")
    for runs in ("cut", "straight"):
        assert radiolens("train", *arguments, tmp_path / runs).exit_code == 0
    resumed, straight = (read_log(tmp_path / runs / "mine") for runs in ("cut", "straight"))
    assert len(straight) == 3
    for one, other in zip(resumed, straight, strict=True):
        assert asdict(one) == pytest.approx(asdict(other), abs=1e-3)  # threads sum float32 in their own order
    assert not (run / "partial-epoch.keras").exists()


@pytest.mark.slow
def test_a_kill_while_an_epoch_is_written_loses_no_more_than_that_epoch(collection: Manifest, tmp_path: Path) -> None:
    own = tmp_path / "mine.py"
    own.write_text(KILLED)
    arguments = [own, "--data", collection.file, "--runs"]
    run, messages = tmp_path / "cut" / "mine", tmp_path / "messages"
    for written, kept in (("partial-epoch.keras", 0), ("epoch-0001.keras", 0), ("partial-network.keras", 1)):
        with training([*arguments, tmp_path / "cut"], messages, KILL_AT=written) as process:
            process.wait(WAIT_S)
        told = messages.read_text()
        assert process.returncode == -signal.SIGKILL, told
        assert (run / written).exists()
        log = read_log(run)  # whole, whatever was cut
        assert max([0, *map(int, re.findall(r"^epoch (\d+): loss", told, re.MULTILINE))]) <= len(log) == kept
    for runs in ("cut", "straight"):
        assert radiolens("train", *arguments, tmp_path / runs).exit_code == 0
    resumed, straight = (read_log(tmp_path / runs / "mine") for runs in ("cut", "straight"))
    for one, other in zip(resumed, straight, strict=True):
        assert asdict(one) == pytest.approx(asdict(other), abs=1e-4)  # threads sum float32 in their own order
    assert {file.name for file in run.iterdir()} == {file.name for file in (tmp_path / "straight" / "mine").iterdir()}
