"""The server killed at any moment, a full disk, a locked database: nothing accepted is lost, nothing scored twice."""

from __future__ import annotations

import io
import json
import random
import sqlite3
import threading
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from radiolens.errors import StoreBusy, StoreFull
from radiolens.imaging.archive import Member
from radiolens.inference.predict import Predictor
from radiolens.inference.record import record
from radiolens.safety.gate import Gate
from radiolens.store import audit
from radiolens.store.database import open_database
from radiolens.store.schema import LOCAL_USER_ID, ImageRow, ImageState, PredictionRow
from tests.tiny_bundle import make_bundle
from tests.web.serving import Server, serving
from tests.worklist.site import (
    LEAN,
    LEAN_ENVIRONMENT,
    QUOTA_BYTES,
    Site,
    answering,
    films,
    needs_mount,
    on_a_small_disk,
    site,
    wait_until,
)

BATCH = 50


def zipped(contents: list[bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number, data in enumerate(contents):
            archive.writestr(f"{number}.png", data)
    return stream.getvalue()


@contextmanager
def killed(server: Server, delay_s: float) -> Iterator[None]:
    """Kill the server so many seconds after the beginning of the block, or at its end if that is earlier."""
    timer = threading.Timer(delay_s, server.process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.join()
        server.process.wait()


def send(server: Server, archive: bytes) -> list[dict[str, Any]] | None:
    """Send the batch, and return the cases if they were accepted."""
    try:
        answer = httpx2.post(
            f"{server.address}/api/v1/cases",
            files={"file": ("batch.zip", archive)},
            data={"task": "chest-xray"},
            timeout=120,
        )
    except httpx2.TransportError:
        return None
    assert answer.status_code == 202, answer.text
    cases: list[dict[str, Any]] = answer.json()["cases"]
    return cases


def progress(server: Server) -> dict[str, int]:
    found: dict[str, int] = httpx2.get(f"{server.address}/api/v1/cases?size=1", timeout=60).json()["progress"]
    return found


@pytest.mark.slow
def test_a_server_killed_at_any_moment_of_a_batch_finishes_it(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundles", version="1.0.0")
    contents = list(films(BATCH))
    archive, chance = zipped(contents), random.Random(0)  # noqa: S311  moments, no secrets
    cases: list[dict[str, Any]] | None = None
    kills = 0
    for done_at in (0, 0, 12, 25, 38, BATCH - 5):  # the batch is sent first, and again if it was not accepted
        with serving(tmp_path, LEAN_ENVIRONMENT, LEAN) as server:
            if cases is None:
                with killed(server, 0.3 * (kills + 1) * chance.random()):
                    cases = send(server, archive)
            else:
                wait_until(lambda at=done_at: progress(server)["done"] >= at)
                with killed(server, 0.05 * chance.random()):
                    pass
            kills += 1
    with serving(tmp_path, LEAN_ENVIRONMENT, LEAN) as server:
        cases = cases or send(server, archive)
        assert cases
        wait_until(lambda: (now := progress(server))["queued"] == now["scoring"] == 0)
        found = {
            image["name"]: httpx2.get(f"{server.address}/api/v1/cases/{case['case_id']}", timeout=60).json()
            for case in cases
            for image in case["images"]
        }
    assert len(found) == BATCH
    predictor = Predictor.open([bundle.parents[1]], 1, gate=Gate.HEADER)
    for number, data in enumerate(contents):  # each answer is that of its own file
        (image,) = found[f"batch.zip/{number}.png"]["images"]
        assert image["state"] == "answered", (number, image["problems"])
        expected = record("", predictor.predict([data], "chest-xray", explain=False))
        assert image["prediction"]["findings"] == expected["findings"]
    _check_database(tmp_path)


def _check_database(home: Path) -> None:
    database = open_database(f"sqlite:///{home}/radiolens.db")
    with database.reading() as session:
        count = select(func.count(PredictionRow.id)).group_by(PredictionRow.image_id)
        assert set(session.scalars(count)) == {1}
        assert set(session.scalars(select(ImageRow.state))) == {ImageState.ANSWERED}
        assert audit.verify(session) is None
        named = {*session.scalars(select(ImageRow.store_name)), *session.scalars(select(ImageRow.map_name))}
    database.close()
    assert named <= {path.name for path in (home / "working").iterdir()}


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold the database as a backup or an open database browser does."""
    connection = sqlite3.connect(home / "radiolens.db", isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path / "home", weights=answering(2.0, -1.0), wait_s=0.2) as found:
        yield found


def refused(at: Site) -> str:
    """Return why the files of an upload are not taken."""
    with pytest.raises(StoreBusy) as caught:
        at.accept(*films(1))
    return str(caught.value)


def test_a_locked_database_refuses_an_upload_without_a_trace_and_loses_nothing(impatient: Site) -> None:
    before = impatient.case(*films(1))
    names = set(impatient.work_list.store.names())
    with locked(impatient.home):
        # While this program waits for the lock itself, another of its threads is told that it writes.
        wait_until(lambda: "another program holds the database" in refused(impatient))
        assert set(impatient.work_list.store.names()) == names
        # Reading goes on meanwhile.
        assert impatient.progress().done == 1
    assert impatient.work_list.case(LOCAL_USER_ID, before).images[0].state == "answered"
    impatient.case(*films(1))


def test_a_database_that_is_locked_while_images_are_judged_delays_them(impatient: Site) -> None:
    accepted = impatient.accept(*films(20))  # more than are judged before the lock is there
    wait_until(lambda: impatient.progress().scoring > 0)
    with locked(impatient.home):  # for longer than the program waits with a result, and with giving back its image
        time.sleep(1.0)
        assert impatient.progress().done < len(accepted.cases)
    impatient.wait()  # far less than a lease takes
    for case in accepted.cases:
        assert impatient.work_list.case(LOCAL_USER_ID, case.case_id).images[0].state == "answered"
    with impatient.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(PredictionRow)) == len(accepted.cases)
        assert audit.verify(session) is None


def test_an_upload_over_the_quota_is_refused_until_cases_are_closed(impatient: Site) -> None:
    large = films(1)[0] + bytes(QUOTA_BYTES // 2)
    case_id = impatient.case(large)
    names = set(impatient.work_list.store.names())
    with pytest.raises(StoreFull, match=r"the site allows 50 MB\. Close cases that are done"):
        impatient.accept(large)
    assert set(impatient.work_list.store.names()) == names
    impatient.work_list.close(LOCAL_USER_ID, case_id)
    impatient.case(large)


def test_two_uploads_at_the_same_time_share_the_quota(impatient: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    store = impatient.work_list.store
    large, other = (bytes(QUOTA_BYTES // 2 + number) for number in range(1, 3))
    put, accepted = store.put, []

    def slowly(parts: Sequence[bytes]) -> str:
        """Seal an upload that fitted; meanwhile another one that fits is accepted."""
        monkeypatch.setattr(store, "put", put)
        accepted.extend(impatient.accept(other).cases)
        return put(parts)

    monkeypatch.setattr(store, "put", slowly)
    with pytest.raises(StoreFull, match=r"take 25 MB, and this upload 25 MB more; the site allows 50 MB"):
        impatient.accept(large)
    assert len(accepted) == len(list(store.names())) == 1
    impatient.wait()
    with impatient.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ImageRow)) == 1


FULL = """
import json, os, sys
from pathlib import Path
from radiolens.errors import StoreFull
from radiolens.store import audit
from radiolens.store.schema import LOCAL_USER_ID
from tests.worklist.site import answering, films, site
if __name__ == "__main__":
    disk = Path(sys.argv[1])
    told = {}
    with site(disk / "home", weights=answering(2.0, -1.0)) as found:
        accepted = found.accept(*films(2))
        filler = disk / "filler"
        descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT)
        try:
            while True:
                os.write(descriptor, bytes(4096))
        except OSError as error:
            told["filled"] = error.errno
        os.close(descriptor)
        for _ in range(3):
            try:
                found.accept(films(1)[0] + bytes(100_000))
            except StoreFull as error:
                told["refused"] = str(error)
        told["meanwhile"] = found.progress().done
        filler.unlink()
        found.wait()
        told["states"] = [
            image.state for case in accepted.cases for image in found.work_list.case(LOCAL_USER_ID, case.case_id).images
        ]
        found.case(*films(1))
        with found.database.reading() as session:
            told["chain"] = audit.verify(session) is None
    print(json.dumps(told))
"""


@needs_mount
def test_a_full_disk_refuses_an_upload_and_delays_results_and_loses_nothing(tmp_path: Path) -> None:
    told = json.loads(on_a_small_disk(tmp_path, 6, FULL))
    assert told["filled"] == 28  # ENOSPC
    assert "is full" in told["refused"]
    assert told["states"] == ["answered", "answered"]
    assert told["chain"]


def test_a_lost_key_ends_what_waits_with_its_reason_and_takes_nothing_else_down(tmp_path: Path) -> None:
    with site(tmp_path / "home", scorers=0) as found:
        waiting = found.work_list.accept([Member("a.png", films(1)[0])], "chest-xray", LOCAL_USER_ID).cases[0].case_id
    (tmp_path / "home" / "store.key").unlink()
    with site(tmp_path / "home") as found:
        found.wait()
        (image,) = found.work_list.case(LOCAL_USER_ID, waiting).images
        assert (image.state, image.problems[0].code) == ("failed", "working_copy_lost")
        assert "Put that key back" in image.problems[0].message
        assert found.work_list.case(LOCAL_USER_ID, found.case(*films(1))).images[0].state == "answered"
