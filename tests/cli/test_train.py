"""`radiolens train` and `export` on an experiment and a manifest of one's own: run, cut, resumed, sealed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
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


def wait_for(process: subprocess.Popen[bytes], condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120  # TensorFlow starts in ten seconds, on a busy machine in a minute
    while not condition():
        assert process.poll() is None, "it ended by itself"
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
def test_a_run_killed_twice_ends_like_an_uninterrupted_one(collection: Manifest, tmp_path: Path) -> None:
    # Epochs of 60 batches, so that a signal comes in the middle of one; Ctrl+C first, then a kill.
    own = tmp_path / "mine.py"
    own.write_text(
        "from dataclasses import replace\n"
        "from tests.training.tiny_experiment import EXPERIMENT as TINY\n"
        "EXPERIMENT = replace(TINY, name='mine', images_per_epoch=960)\n"
    )

    def start(runs: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "radiolens", "train", str(own), "--data", str(collection.file)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        return subprocess.Popen([*command, "--runs", str(tmp_path / runs)], env=environment, stderr=subprocess.PIPE)

    straight = start("straight")
    run = tmp_path / "cut" / "mine"
    for number, (end, code) in enumerate(((signal.SIGINT, 130), (signal.SIGKILL, -9)), 1):
        process = start("cut")
        wait_for(process, lambda number=number: len(read_log(run)) == number)  # type: ignore[misc]  # bound now
        time.sleep(0.2)
        process.send_signal(end)
        _, told = process.communicate(timeout=60)
        assert process.returncode == code
        assert len(read_log(run)) >= number  # no finished epoch is lost
        if end is signal.SIGINT:
            assert b"keeps the finished epochs; the same command goes on from there." in told
    (run / "partial-epoch.keras").write_bytes(b"half a checkpoint")
    for process in (straight, start("cut")):
        _, told = process.communicate(timeout=240)
        assert process.returncode == 0, told.decode()
    logs = [read_log(tmp_path / runs / "mine") for runs in ("straight", "cut")]
    assert len(logs[0]) == 3
    for own_epoch, other in zip(*logs, strict=True):
        assert asdict(own_epoch) == pytest.approx(asdict(other), abs=1e-4)  # threads sum float32 in their own order
    assert not (run / "partial-epoch.keras").exists()
    assert json.loads((run / "config.json").read_text())["images_per_epoch"] == 960
