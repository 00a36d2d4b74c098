"""The queue on both databases: each image is taken by one worker, finished once, and never lost."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select

from radiolens.prediction import BundleIdentity, Finding, Prediction, Presence
from radiolens.profile import Profile
from radiolens.store import models
from radiolens.store.database import Database, open_database
from radiolens.store.schema import LOCAL_USER_ID, CaseRow, ImageRow, ImageState, PredictionRow
from radiolens.worklist.owners import Owners
from radiolens.worklist.queue import ATTEMPTS, Claimed, Outcome, Queue
from tests.postgresql import needs_postgresql, postgresql
from tests.store.conftest import new_database
from tests.worklist.site import WAIT_S, Clock

__all__ = ["postgresql"]

BUNDLE = BundleIdentity("chest-xray", "0.0.1", "ab" * 32)
CLOCK = Clock()


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=needs_postgresql)])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('queue')}/radiolens.db"
    return new_database(request.getfixturevalue("postgresql"))


@pytest.fixture(scope="module")
def opened(address: str) -> Iterator[Database]:
    database = open_database(address, clock=CLOCK)
    yield database
    database.close()


@pytest.fixture
def database(opened: Database) -> Database:
    """Give the database without any case."""
    with opened.session() as session:
        for table in (PredictionRow, ImageRow, CaseRow):
            session.execute(delete(table))
    return opened


@pytest.fixture
def owners(tmp_path: Path) -> Iterator[Owners]:
    found = Owners(tmp_path / "workers")
    yield found
    found.close()


def waiting(database: Database, count: int) -> None:
    """Put a case of some images into the queue."""
    now = database.now()
    case = CaseRow(task="chest-xray", created=now, changed=now, created_by=LOCAL_USER_ID)
    with database.session() as session:
        session.add(case)
        session.flush()
        for number in range(count):
            created = now + timedelta(seconds=number)
            name = f"{number:032x}"
            session.add(ImageRow(case_id=case.id, position=number, store_name=name, created=created, changed=created))


def answer(probability: float = 0.9) -> Outcome:
    presence = Presence.PRESENT if probability >= 0.5 else Presence.ABSENT
    finding = Finding("pneumonia", probability, 0.5, presence)
    return Outcome(ImageState.ANSWERED, Prediction("chest-xray", BUNDLE, (finding,)))


def states(database: Database) -> Counter[ImageState]:
    with database.reading() as session:
        return Counter(session.scalars(select(ImageRow.state)))


def predictions(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(PredictionRow)) or 0


def claimed(queue: Queue) -> Claimed:
    found = queue.claim()
    assert found
    return found


def test_images_are_taken_in_their_order_and_each_once(database: Database, owners: Owners) -> None:
    waiting(database, 3)
    queue = Queue(database, owners)
    found = [claimed(queue) for _ in range(3)]
    assert [entry.store_name for entry in found] == [f"{number:032x}" for number in range(3)]
    assert [entry.attempt for entry in found] == [1, 1, 1]
    assert queue.claim() is None
    assert states(database) == {ImageState.SCORING: 3}


def test_a_result_ends_the_image_and_tells_the_case(database: Database, owners: Owners) -> None:
    waiting(database, 2)
    queue = Queue(database, owners)
    for probability in (0.2, 0.8):
        assert queue.finish(claimed(queue), answer(probability))
    with database.reading() as session:
        case = session.scalars(select(CaseRow)).one()
        rows = session.scalars(select(PredictionRow).order_by(PredictionRow.created)).all()
    assert (case.decision, case.urgency) == ("present", pytest.approx(0.95))
    assert [row.record["findings"][0]["probability"] for row in rows] == [0.2, 0.8]
    assert {(row.bundle_name, row.bundle_version, row.bundle_sha256, row.shadow) for row in rows} == {
        ("chest-xray", "0.0.1", "ab" * 32, False)
    }
    assert "path" not in rows[0].record


def test_an_answer_names_the_profile_that_decided_it_and_that_of_the_shadow_none(
    database: Database, owners: Owners
) -> None:
    waiting(database, 2)
    queue = Queue(database, owners)
    shown = answer(0.9)
    assert queue.finish(claimed(queue), shown)
    profile = Profile("clinic A", BUNDLE.sha256, {"pneumonia": 0.3}, "evidence", BUNDLE.name, BUNDLE.version, {})
    with database.session() as session:
        saved = models.save_profile(session, profile, {}, LOCAL_USER_ID)
    assert queue.finish(claimed(queue), Outcome(shown.state, shown.prediction, shown.prediction))
    with database.session() as session:
        found = {(row.shadow, row.profile_id) for row in session.scalars(select(PredictionRow))}
        assert models.withdraw_profile(session, saved, "of a test", LOCAL_USER_ID)
    assert found == {(False, None), (False, saved), (True, None)}


def test_what_the_version_in_the_shadow_says_is_kept_apart(database: Database, owners: Owners) -> None:
    waiting(database, 1)
    queue = Queue(database, owners)
    outcome = answer(0.2)
    shadow = Prediction("chest-xray", BundleIdentity("chest-xray", "0.0.2", "cd" * 32), answer(0.9).prediction.findings)  # type: ignore[union-attr]  it has one
    queue.finish(claimed(queue), Outcome(outcome.state, outcome.prediction, shadow))
    with database.reading() as session:
        assert session.scalars(select(CaseRow.decision)).one() == "absent"
        assert session.scalars(select(PredictionRow.shadow).order_by(PredictionRow.shadow)).all() == [False, True]


def test_an_image_is_finished_once_whoever_comes_second(database: Database, owners: Owners) -> None:
    waiting(database, 1)
    queue = Queue(database, owners)
    first = claimed(queue)
    CLOCK.forward(hours=1)  # its lease is over
    second = claimed(queue)
    assert (second.image_id, second.attempt) == (first.image_id, 2)
    assert not queue.finish(first, answer(0.1))
    assert queue.finish(second, answer(0.9))
    assert not queue.finish(second, answer(0.9))
    assert predictions(database) == 1


def test_what_is_given_back_waits_again_and_counts_for_nothing(database: Database, owners: Owners) -> None:
    waiting(database, 1)
    queue = Queue(database, owners)
    for _ in range(2 * ATTEMPTS):
        queue.give_back(claimed(queue))
    assert claimed(queue).attempt == 1


def test_an_image_during_which_the_program_dies_each_time_is_given_up(database: Database, owners: Owners) -> None:
    waiting(database, 1)
    queue = Queue(database, owners)
    for _ in range(ATTEMPTS):
        claimed(queue)
        CLOCK.forward(hours=1)
    assert queue.claim() is None
    with database.reading() as session:
        row = session.scalars(select(ImageRow)).one()
        assert session.scalars(select(CaseRow.decision)).one() == "failed"
    assert (row.state, row.problem["code"] if row.problem else "") == (ImageState.FAILED, "scoring_failed")
    assert "Have it read by a radiologist" in str(row.problem)


def test_an_image_whose_working_copy_is_gone_is_not_taken(database: Database, owners: Owners) -> None:
    waiting(database, 1)
    with database.session() as session:
        session.scalars(select(ImageRow)).one().store_name = None
    assert Queue(database, owners).claim() is None


DYING = """
import os, signal, sys
from pathlib import Path
from radiolens.store.database import open_database
from radiolens.worklist.owners import Owners
from radiolens.worklist.queue import Queue
queue = Queue(open_database(sys.argv[1]), Owners(Path(sys.argv[2])))
print(queue.claim().image_id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_had_in_hand_is_taken_up_at_once(
    database: Database, address: str, owners: Owners, tmp_path: Path
) -> None:
    waiting(database, 1)
    queue = Queue(database, owners)
    command = [sys.executable, "-c", DYING, address, str(tmp_path / "workers")]
    dead = subprocess.run(command, capture_output=True, text=True, check=False)
    assert queue.claim() is None
    assert queue.take_back() == 1
    again = claimed(queue)
    assert (str(again.image_id), again.attempt) == (dead.stdout.strip(), 2)
    assert queue.take_back() == 0
    assert states(database) == {ImageState.SCORING: 1}


def test_a_living_process_and_one_elsewhere_are_left_alone(tmp_path: Path) -> None:
    here, also_here = Owners(tmp_path / "workers"), Owners(tmp_path / "workers")
    elsewhere = Owners(tmp_path / "other")
    assert not here.is_dead(here.name)
    assert not here.is_dead(also_here.name)
    assert not here.is_dead(elsewhere.name)
    also_here.close()
    assert here.is_dead(also_here.name)
    assert not here.is_dead("../../etc/passwd")


def _work(address: str, folder: Path, start: object) -> None:
    """Score until nothing waits any more."""
    database, queue = open_database(address, wait_s=WAIT_S), None
    queue = Queue(database, Owners(folder))
    start.wait()  # type: ignore[attr-defined]  multiprocessing's barrier has no type of its own

    def run() -> None:
        while found := queue.claim():
            queue.finish(found, answer())

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.close()


def test_threads_and_processes_share_a_queue_and_no_image_has_two_results(
    database: Database, address: str, tmp_path: Path
) -> None:
    waiting(database, 24)
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    workers = [context.Process(target=_work, args=(address, tmp_path / "workers", start)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert states(database) == {ImageState.ANSWERED: 24}
    assert predictions(database) == 24
    with database.reading() as session:
        assert set(session.scalars(select(ImageRow.attempts))) == {1}
