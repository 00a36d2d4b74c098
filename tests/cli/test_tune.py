"""`radiolens tune` as processes of its own: stopped, killed, resumed, and two of them on one storage."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import optuna
import pytest
from click.testing import CliRunner, Result
from optuna.trial import TrialState

from radiolens.cli import cli
from radiolens.data.manifest import Manifest
from radiolens.training.checkpoints import read_log
from radiolens.training.configs import load_experiment
from radiolens.training.tuning.study_storage import open_storage, sqlite_url
from tests.postgresql import Server, needs_postgresql, postgresql
from tests.training import tiny_experiment
from tests.training.conftest import collection

__all__ = ["collection", "postgresql"]  # fixtures that are used here, too

WAIT_S = 600
"""For what takes twenty seconds, on a busy machine minutes."""

EXPERIMENT = """
import os, time
from dataclasses import replace
from pathlib import Path
from radiolens.training.tuning.search import Choice, LogUniform, Search, Uniform
from tests.training.tiny_experiment import EXPERIMENT as TINY

EXPERIMENT = replace(TINY, name="mine", epochs=2, images_per_epoch={images})
SPACE = {{"learning_rate": LogUniform(1e-4, 1e-1), "dropout": Uniform(0.0, 0.6)}}
SEARCH = Search(SPACE, pruner=None, startup_trials=3)

here = Path(__file__).with_name("here")  # processes that are to begin together wait for one another
here.mkdir(exist_ok=True)
(here / str(os.getpid())).touch()
while len(list(here.iterdir())) < int(os.environ.get("GATE", "1")):
    time.sleep(0.01)
"""


def radiolens(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def experiment_file(folder: Path, images: int) -> Path:
    file = folder / "mine.py"
    file.write_text(EXPERIMENT.format(images=images))
    return file


@contextmanager
def tuning(*arguments: object, told: Path, gate: int = 1) -> Iterator[subprocess.Popen[str]]:
    """Start `radiolens tune` as a process of its own, which is gone afterwards whatever happens.

    Its standard error goes to the file `told`.
    """
    command = [sys.executable, "-m", "radiolens", "tune", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "GATE": str(gate)}
    with (
        told.open("wb") as stderr,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def wait_for_line(process: subprocess.Popen[str], told: Path, start: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while f"\n{start}" not in told.read_text():
        assert process.poll() is None, f"it ended by itself: {told.read_text()}"
        assert time.monotonic() < deadline, f"{start!r} took too long"
        time.sleep(0.01)


@pytest.mark.slow
def test_a_search_stopped_and_killed_loses_at_most_the_epoch_in_work(collection: Manifest, tmp_path: Path) -> None:
    config = experiment_file(
        tmp_path, images=2400
    )  # epochs of 300 batches, so that a signal comes in the middle of one
    arguments = [config, "--data", collection.file, "--runs", tmp_path / "runs", "--trials", 2]
    folder = tmp_path / "runs" / "mine-tune"
    kept, messages = [], tmp_path / "messages"
    for trial, (end, code) in enumerate(((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)), 1):
        with tuning(*arguments, told=messages) as process:
            wait_for_line(process, messages, f"trial {trial} of 2, epoch 2 of 2: 1 of 300")
            process.send_signal(end)
            process.communicate(timeout=WAIT_S)
        told = messages.read_text()
        assert process.returncode == code, told
        assert ("keeps the finished trials, and the finished epochs of this one; the same command" in told) is (
            end is signal.SIGINT
        )
        assert "Traceback" not in told
        kept.append(read_log(folder / f"trial-{trial:04d}")[0])
    found = radiolens("tune", *arguments)  # at once: the death is seen without waiting for a heartbeat
    assert found.exit_code == 0, found.output
    assert f"best: {folder}/best.py" in found.stdout
    assert f"page: {folder}/tune.html" in found.stdout
    for trial in (1, 2):
        log = read_log(folder / f"trial-{trial:04d}")
        assert len(log) == 2
        assert log[0] == kept[trial - 1]  # the same numbers to the last digit: it was not trained again
    with open_storage(sqlite_url(folder / "study.sqlite")) as storage:
        trials = optuna.load_study(study_name="mine", storage=storage.trials).trials
    states = Counter(trial.state for trial in trials)
    assert states == {TrialState.COMPLETE: 2, TrialState.FAIL: 2}
    by_place = {trial.user_attrs["place"]: trial.params for trial in trials if trial.state is TrialState.FAIL}
    for trial in trials:
        assert trial.params == by_place[trial.user_attrs["place"]]  # the values of a place never change


def check_two_processes(collection: Manifest, folder: Path, url: str) -> None:
    """Let two processes share four trials, each with a folder of its own, as on two machines."""
    config = experiment_file(folder, images=160)
    with ExitStack() as running:
        arguments = [config, "--data", collection.file, "--trials", 4, "--storage", url, "--runs"]
        processes = [
            running.enter_context(tuning(*arguments, folder / name, told=folder / f"{name}.told", gate=2))
            for name in ("one", "other")
        ]
        printed = [process.communicate(timeout=WAIT_S)[0] for process in processes]
    told = [(folder / f"{name}.told").read_text() for name in ("one", "other")]
    assert [process.returncode for process in processes] == [0, 0], told
    with open_storage(url) as storage:
        study = optuna.load_study(study_name="mine", storage=storage.trials)
        assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 4  # none more, none again
        by_process = Counter(trial.user_attrs["worker"]["pid"] for trial in study.trials)
        best = study.best_trial
    assert by_process.keys() == {process.pid for process in processes}  # both took their part
    places = [path.name for name in ("one", "other") for path in (folder / name / "mine-tune").glob("trial-*")]
    assert sorted(places) == [f"trial-{place:04d}" for place in (1, 2, 3, 4)]
    for name, out, err in zip(("one", "other"), printed, told, strict=True):
        assert f"best: {folder / name}/mine-tune/best.py" in out
        found = load_experiment(str(folder / name / "mine-tune" / "best.py"))  # the best of both, not of its own
        assert found.learning_rate == best.params["learning_rate"]
        assert "Traceback" not in err


@pytest.mark.slow
def test_two_processes_on_a_sqlite_file_share_one_search(collection: Manifest, tmp_path: Path) -> None:
    check_two_processes(collection, tmp_path, sqlite_url(tmp_path / "shared.sqlite"))


@needs_postgresql
@pytest.mark.slow
def test_two_processes_on_a_server_share_one_search(collection: Manifest, postgresql: Server, tmp_path: Path) -> None:
    check_two_processes(collection, tmp_path, postgresql.url)
    written = "".join(path.read_text() for path in tmp_path.glob("*/mine-tune/*.*") if path.suffix in {".py", ".html"})
    assert postgresql.password not in written
    assert "radiolens:***@127.0.0.1" in written


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([tiny_experiment.__file__], "it defines no SEARCH"),
        (["nothing"], "Unknown experiment 'nothing'"),
        (["brain_mri", "--storage", "mysql://u:secret@h/d"], "no two processes can share. Give sqlite:///FILE"),
        (["brain_mri", "--storage", "postgresql://u:secret@127.0.0.1:1/d"], "Check the address, user and password"),
    ],
)
def test_what_cannot_be_searched_is_one_sentence(arguments: list[str], message: str, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("path,source,split,label\na.png,figshare,train,glioma\nb.png,figshare,validation,glioma\n")
    found = radiolens("tune", *arguments, "--data", manifest, "--runs", tmp_path / "runs")
    assert found.exit_code == 1
    assert message in found.stderr
    assert "Traceback" not in found.stderr
    assert "secret" not in found.stderr


def test_the_storage_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RADIOLENS_TUNE_STORAGE", "mysql://u:secret@h/d")
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("path,source,split,label\na.png,figshare,train,glioma\n")
    found = radiolens("tune", "brain_mri", "--data", manifest, "--runs", tmp_path / "runs")
    assert "mysql://u:***@h/d" in found.stderr
