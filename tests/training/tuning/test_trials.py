"""The places of a study: handed out once each, taken up after a death, given up after three."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState
from sqlalchemy import text

from radiolens.errors import PeerError
from radiolens.training.tuning.study_storage import Heartbeat, StudyStorage, open_storage, sqlite_url
from radiolens.training.tuning.trials import (
    Ending,
    Plan,
    Worker,
    best_place,
    mark_stopped,
    note,
    places,
    run_next,
    shown,
    worker,
)
from tests.postgresql import Server, needs_postgresql, postgresql, running_server
from tests.process_tree import until

__all__ = ["postgresql"]  # a fixture that is used here, too

ROOT = Path(__file__).parents[3]
RANGE = FloatDistribution(0.0, 1.0)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[StudyStorage]:
    with open_storage(sqlite_url(tmp_path / "study.sqlite"), Heartbeat(interval_s=1, grace_s=60)) as opened:
        yield opened


@pytest.fixture
def study(storage: StudyStorage) -> optuna.Study:
    return optuna.create_study(storage=storage.trials, study_name="s")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Worker]:
    with worker(tmp_path / "workers") as one:
        yield one


def draw(trial: optuna.Trial, place: int) -> float:
    x = trial.suggest_float("x", 0.0, 1.0)
    trial.report(x, 0)
    return x


def plan(wanted: int, objective: Callable[[optuna.Trial, int], float] = draw) -> Plan:
    return Plan(wanted, {}, lambda place: optuna.samplers.RandomSampler(seed=place), objective)


class Died(BaseException):
    """What ends a trial without a word, as a kill does: optuna notes neither end nor failure."""


def die(trial: optuna.Trial, place: int) -> float:
    trial.suggest_float("x", 0.0, 1.0)
    raise Died


def test_a_study_gets_as_many_places_as_are_wanted_and_no_more(
    study: optuna.Study, storage: StudyStorage, own: Worker
) -> None:
    assert [run_next(study, storage, own, plan(3)) for _ in range(5)] == [1, 2, 3, None, None]
    assert [run_next(study, storage, own, plan(5)) for _ in range(3)] == [4, 5, None]  # a study may grow
    found = places(study)
    assert [place.ending for place in found.values()] == [Ending.FINISHED] * 5
    assert all(place.over and place.seconds is not None and place.host == own.host for place in found.values())
    best = best_place(found.values())
    assert best is not None
    assert best.loss == min(trial.value for trial in study.trials) == best.values["x"] == best.losses[0]


def test_the_first_place_begins_with_given_values(study: optuna.Study, storage: StudyStorage, own: Worker) -> None:
    given = replace(plan(2), opening={"x": (0.25, RANGE)})
    while run_next(study, storage, own, given):
        pass
    first, second = places(study).values()
    assert first.loss == 0.25
    assert second.loss != 0.25


def test_the_values_follow_from_place_and_seed_alone(storage: StudyStorage, own: Worker) -> None:
    values = []
    for name in ("one", "other"):
        study = optuna.create_study(storage=storage.trials, study_name=name)
        while run_next(study, storage, own, plan(3)):
            pass
        values.append([place.values for place in places(study).values()])
    assert values[0] == values[1]


def test_a_place_whose_process_died_is_taken_up_with_its_values(
    study: optuna.Study, storage: StudyStorage, own: Worker, tmp_path: Path
) -> None:
    with pytest.raises(Died), worker(tmp_path / "workers") as dying:
        run_next(study, storage, dying, plan(2, die))
    assert places(study)[1].ending is Ending.RUNNING
    assert dying.file.exists()
    values = places(study)[1].values
    assert [run_next(study, storage, own, plan(2)) for _ in range(3)] == [1, 2, None]
    assert places(study)[1].values == values
    assert [trial.state for trial in study.trials].count(TrialState.COMPLETE) == 2
    assert not dying.file.exists()


def test_a_living_process_keeps_its_trial(
    study: optuna.Study, storage: StudyStorage, own: Worker, tmp_path: Path
) -> None:
    def other_looks(trial: optuna.Trial, place: int) -> float:
        with worker(tmp_path / "workers") as other:
            assert run_next(study, storage, other, plan(1)) is None
        return 0.0

    assert run_next(study, storage, own, plan(1, other_looks)) == 1


def test_a_trial_of_another_machine_is_taken_up_once_its_heart_has_stopped(
    study: optuna.Study, storage: StudyStorage, own: Worker, tmp_path: Path
) -> None:
    with pytest.raises(Died), worker(tmp_path / "elsewhere") as dying:
        run_next(study, storage, replace(dying, host="another"), plan(1, die))
    assert run_next(study, storage, own, plan(1)) is None
    with storage.engine.begin() as connection:
        connection.execute(text("UPDATE trial_heartbeats SET heartbeat = datetime('now', '-2 minutes')"))
    assert run_next(study, storage, own, plan(1)) == 1
    assert places(study)[1].ending is Ending.FINISHED


def test_a_process_that_slept_through_its_death_leaves_the_trial_to_the_other(
    study: optuna.Study, storage: StudyStorage, own: Worker
) -> None:
    def sleep(trial: optuna.Trial, place: int) -> float:
        study.tell(trial.number, state=TrialState.FAIL)  # as another process does after the grace
        trial.report(0.0, 0)
        return 0.0

    assert run_next(study, storage, own, plan(1, sleep)) is None
    assert places(study)[1].ending is Ending.WAITING
    assert run_next(study, storage, own, plan(1)) == 1


def test_a_process_that_died_while_it_was_handed_a_trial_leaves_no_orphan(
    study: optuna.Study, storage: StudyStorage, own: Worker
) -> None:
    run_next(study, storage, own, plan(1))
    study.add_trial(optuna.create_trial(state=TrialState.WAITING, user_attrs={"place": 2}))
    (waiting,) = study.get_trials(states=(TrialState.WAITING,))
    storage.trials.set_trial_state_values(waiting._trial_id, TrialState.RUNNING)  # no heartbeat, no worker noted
    assert run_next(study, storage, own, plan(2)) == 2
    assert [place.ending for place in places(study).values()] == [Ending.FINISHED] * 2


def test_a_death_before_the_place_was_queued_again_loses_nothing(
    study: optuna.Study, storage: StudyStorage, own: Worker, tmp_path: Path
) -> None:
    with pytest.raises(Died), worker(tmp_path / "workers") as dying:
        run_next(study, storage, dying, plan(1, die))
    study.tell(0, state=TrialState.FAIL)  # and then the one that noticed it died, too
    assert run_next(study, storage, own, plan(1)) == 1


def test_values_that_end_every_process_are_given_up_after_three(
    study: optuna.Study, storage: StudyStorage, own: Worker, tmp_path: Path
) -> None:
    for _ in range(3):
        with pytest.raises(Died), worker(tmp_path / "workers") as dying:
            run_next(study, storage, dying, plan(1, die))
    assert run_next(study, storage, own, plan(1)) is None
    assert places(study)[1].ending is Ending.GIVEN_UP
    assert places(study)[1].over


def test_progress_and_being_stopped_are_no_reason_to_give_up(
    study: optuna.Study, storage: StudyStorage, own: Worker, tmp_path: Path
) -> None:
    def one_epoch_more(trial: optuna.Trial, place: int) -> float:
        for epoch in range(len(study.trials)):
            trial.report(0.5, epoch)
        raise Died

    def stopped(trial: optuna.Trial, place: int) -> float:
        mark_stopped(trial)
        raise KeyboardInterrupt

    for _ in range(4):
        with pytest.raises(Died), worker(tmp_path / "workers") as dying:
            run_next(study, storage, dying, plan(1, one_epoch_more))
    for _ in range(4):
        with pytest.raises(KeyboardInterrupt):
            run_next(study, storage, own, plan(1, stopped))
    assert places(study)[1].ending is Ending.WAITING
    assert run_next(study, storage, own, plan(1)) == 1


def test_a_trial_that_is_stopped_early_says_why(study: optuna.Study, storage: StudyStorage, own: Worker) -> None:
    def prune(trial: optuna.Trial, place: int) -> float:
        trial.report(0.75, 0)
        note(trial, "too slow")
        raise optuna.TrialPruned

    run_next(study, storage, own, plan(1, prune))
    (place,) = places(study).values()
    assert (place.ending, place.loss, place.note) == (Ending.STOPPED_EARLY, 0.75, "too slow")
    assert best_place([place]) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.000123456, "0.0001235"), (32, "32"), ("'block'", "block"), ("''", "(empty)"), ("(0.6, 1.3)", "(0.6, 1.3)")],
)
def test_a_value_is_shown_as_a_reader_wants_it(value: object, expected: str) -> None:
    assert shown(value) == expected


def test_a_worker_holds_its_file_while_it_lives(own: Worker) -> None:
    with own.file.open("a") as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


WANTED = 30


def start(url: str, folder: Path, gate: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-W", "error", "-m", "tests.training.trial_worker", url, folder, WANTED]
    return subprocess.Popen([str(part) for part in command], env={**os.environ, "GATE": str(gate)}, cwd=ROOT)


def check_a_shared_study(url: str, folder: Path) -> None:
    """Let two processes share a study, kill one of them in a trial, put another in its place; see all run once."""
    killed, second = (start(url, folder, gate=2) for _ in range(2))
    until(lambda: (folder / "ran").exists(), timeout_s=120)
    time.sleep(0.13)  # somewhere in a trial, which takes a fiftieth of a second
    killed.kill()
    killed.wait()
    third = start(url, folder, gate=1)
    assert [process.wait(120) for process in (second, third)] == [0, 0]
    lines = [line.split() for line in (folder / "ran").read_text().splitlines()]
    ran = Counter(int(place) for place, _ in lines)
    assert set(ran.values()) == {1}  # none twice; that of the killed one may lack its line
    assert len(ran) >= WANTED - 1
    assert {str(killed.pid), str(second.pid)} & {pid for _, pid in lines}
    assert str(second.pid) in {pid for _, pid in lines}
    with open_storage(url) as storage:
        study = optuna.load_study(study_name="stress", storage=storage.trials)
        assert [place.ending for place in places(study).values()] == [Ending.FINISHED] * WANTED
        states = Counter(trial.state for trial in study.trials)
        assert states[TrialState.COMPLETE] == WANTED
        assert states.keys() <= {TrialState.COMPLETE, TrialState.FAIL}
        assert [trial.number for trial in study.trials] == list(range(len(study.trials)))


@pytest.mark.slow
def test_processes_that_share_a_sqlite_file_run_every_trial_once(tmp_path: Path) -> None:
    check_a_shared_study(sqlite_url(tmp_path / "study.sqlite"), tmp_path / "workers")


@needs_postgresql
def test_a_server_that_stops_in_a_trial_is_told_in_a_sentence(tmp_path: Path) -> None:
    with ExitStack() as served:
        url = served.enter_context(running_server()).url

        def stop(trial: optuna.Trial, place: int) -> float:
            served.close()
            return draw(trial, place)

        with open_storage(url) as storage, worker(tmp_path / "workers") as own:
            study = optuna.create_study(storage=storage.trials, study_name="s")
            message = "@127.0.0.1.*the server of the study answers: .*(network|connection).*what was finished is kept"
            with pytest.raises(PeerError, match=message), storage.told():
                run_next(study, storage, own, plan(1, stop))


@needs_postgresql
@pytest.mark.slow
def test_processes_that_share_a_server_run_every_trial_once(postgresql: Server, tmp_path: Path) -> None:
    check_a_shared_study(postgresql.url, tmp_path / "workers")
