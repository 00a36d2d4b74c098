"""What of a patient lies on the disk: nothing in clear at any time, and nothing at all when the day is over."""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import PIL.Image
import pytest
from sqlalchemy import select

from radiolens.errors import WrongState
from radiolens.prediction import Presence
from radiolens.store import audit
from radiolens.store.schema import LOCAL_USER_ID, CaseRow, ImageRow, ImageState, KeptImageRow
from radiolens.worklist.reading import Answer
from radiolens.worklist.retention import Tidied
from tests.phantoms import MR, chest_film, dicom, head_slice
from tests.worklist.site import FILE_NAME, PATIENT, Clock, Site, answering, films, site, wait_until


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path / "home", weights=answering(2.0, -1.0)) as found:
        yield found


def head(series: str, number: int = 0) -> bytes:
    pixels = (head_slice(seed=number) + 1000).astype(np.uint16)
    return dicom(pixels, SOPClassUID=MR, Modality="MR", BodyPartExamined="HEAD", SeriesInstanceUID=series, **PATIENT)


def jpeg() -> bytes:
    stream = io.BytesIO()
    PIL.Image.fromarray(np.rint(chest_film(seed=9) * 255).astype(np.uint8)).save(stream, "JPEG")
    return stream.getvalue()


def traces(contents: list[bytes]) -> list[bytes]:
    """Return what would give a patient away: words of the header, the file's name, and pieces of the files."""
    words = [value.encode() for value in PATIENT.values()] + [b"Marjorie", b"MARJORIE", FILE_NAME.encode()]
    places = [(data, start) for data in contents for start in range(200, len(data) - 24, len(data) // 20 + 1)]
    pieces = [data[start : start + 24] for data, start in places]
    return words + [piece for piece in pieces if len(set(piece)) > 8]  # no run of black, which every image has


def found_on(disk: bytes, looked_for: list[bytes]) -> list[bytes]:
    return [trace for trace in looked_for if trace in disk]


def test_after_a_day_with_cases_closed_nothing_of_a_patient_is_on_disk_and_before_nothing_in_clear(
    opened: Site,
) -> None:
    contents = [
        head("1.2.840.1"),
        head("1.2.840.1", 1),
        head("1.2.840.2", 2),
        jpeg(),
        *films(2),
        b"HOSP-4711-0815 text",
    ]
    looked_for = traces(contents)
    assert len(looked_for) > 50
    assert found_on(b"".join(contents), looked_for[:3]) == looked_for[:3]  # the search finds what is there

    cases = [case.case_id for case in opened.accept(*contents, task="auto").cases]
    assert found_on(opened.disk(), looked_for) == []
    opened.wait()
    assert found_on(opened.disk(), looked_for) == []
    for case_id in cases[:-1]:
        opened.work_list.case(LOCAL_USER_ID, case_id)
        opened.work_list.answer(LOCAL_USER_ID, case_id, Answer({label_of(opened, case_id): Presence.ABSENT}))
        opened.work_list.close(LOCAL_USER_ID, case_id)
    opened.clock.forward(hours=25)  # the one that nobody closed
    opened.tidy()
    assert list(opened.work_list.store.names()) == []
    assert [path.name for path in (opened.home / "working").iterdir()] == []
    disk = opened.disk()
    assert found_on(disk, looked_for) == []
    for data in contents:  # nor packed
        assert zlib.compress(data)[10:40] not in disk
    with opened.database.reading() as session:
        assert session.scalars(select(CaseRow.decision)).all()  # the results stay
        assert audit.verify(session) is None


def label_of(opened: Site, case_id: UUID) -> str:
    tasks = opened.work_list.case(LOCAL_USER_ID, case_id).tasks
    return {"brain-mri": "glioma", "chest-xray": "pneumonia"}[tasks[0]]


def test_images_of_a_case_that_stays_open_are_erased_when_their_time_is_over(opened: Site) -> None:
    case_id = opened.case(*films(1))
    summary = opened.work_list.case(LOCAL_USER_ID, case_id).summary
    assert summary.erase_after
    assert summary.erase_after - summary.received == timedelta(hours=24)
    opened.clock.forward(hours=23)
    assert opened.tidy() == Tidied()
    opened.clock.forward(hours=2)
    assert opened.tidy() == Tidied(cases=1)
    assert opened.tidy() == Tidied()
    found = opened.work_list.case(LOCAL_USER_ID, case_id)
    assert (found.summary.working_copy, found.summary.erase_after, found.images[0].state) == (False, None, "answered")
    with pytest.raises(WrongState, match="erased"):
        opened.work_list.image(LOCAL_USER_ID, case_id, found.images[0].image_id)
    with opened.database.reading() as session:
        (entry,) = audit.entries(session, action="case.erase")
    assert (entry.actor, entry.actor_id, entry.detail) == ("radiolens", None, {"erased": 2})


def test_what_still_waits_when_its_time_is_over_is_not_judged_any_more(tmp_path: Path) -> None:
    clock = Clock()
    with site(tmp_path / "home", scorers=0, clock=clock) as found:
        case_id = found.accept(*films(1)).cases[0].case_id
        clock.forward(hours=25)
        found.tidy()
    with site(tmp_path / "home", clock=clock) as found:
        found.wait()
        (image,) = found.work_list.case(LOCAL_USER_ID, case_id).images
        assert (image.state, image.problems[0].code) == ("failed", "erased")


def test_what_an_upload_left_behind_that_failed_is_swept_away_and_nothing_else(opened: Site) -> None:
    case_id = opened.case(*films(1))
    store = opened.work_list.store
    left_over, new = store.put([b"of an upload that was killed"]), store.put([b"of one under way"])
    os.utime(opened.home / "working" / left_over, (0, 0))
    assert opened.tidy() == Tidied(left_over=1)
    assert new in set(store.names())
    assert opened.tidy(left_over_s=0) == Tidied(left_over=1)
    assert opened.work_list.image(
        LOCAL_USER_ID, case_id, opened.work_list.case(LOCAL_USER_ID, case_id).images[0].image_id
    ).pixels.size


def test_a_kept_image_is_erased_when_it_runs_out_and_not_swept_before(opened: Site) -> None:
    opened.case(*films(1))
    name = opened.work_list.store.put([b"pixels"])
    now = opened.database.now()
    with opened.database.session() as session:
        image_id = session.scalars(select(ImageRow.id)).one()
        session.add(
            KeptImageRow(
                id=uuid4(),
                image_id=image_id,
                store_name=name,
                size_bytes=6,
                created=now,
                erase_after=now + timedelta(days=30),
            )
        )
    opened.clock.forward(days=29)
    assert opened.tidy(left_over_s=0) == Tidied(cases=1)
    assert name in set(opened.work_list.store.names())
    opened.clock.forward(days=2)
    assert opened.tidy() == Tidied(kept=1)
    assert list(opened.work_list.store.names()) == []


def test_the_clock_is_looked_at_without_being_asked(tmp_path: Path) -> None:
    clock = Clock()
    with site(tmp_path / "home", scorers=0, clock=clock) as found:
        found.accept(*films(1))
    clock.forward(hours=25)
    with site(tmp_path / "home", scorers=0, clock=clock) as found:  # at the start
        wait_until(lambda: not list(found.work_list.store.names()))
        with found.database.reading() as session:
            assert session.scalars(select(ImageRow.state)).one() is ImageState.FAILED
