"""De-identified copies of images, where a site has opted in: what they hold, what is not kept, and when they go."""

from __future__ import annotations

import io
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont
import pytest
from PIL.PngImagePlugin import PngInfo
from sqlalchemy import select

import radiolens
from radiolens.errors import WrongState
from radiolens.image import Source
from radiolens.imaging.untrusted import read_untrusted
from radiolens.prediction import Presence
from radiolens.store import audit
from radiolens.store.audit import Entry
from radiolens.store.schema import LOCAL_USER_ID, KeptImageRow
from radiolens.worklist.facts import NotKept
from radiolens.worklist.keeping import KeptImage, enter_copies, kept_images
from radiolens.worklist.kept_file import kept_to_bytes
from radiolens.worklist.reading import Answer
from radiolens.worklist.retention import Tidied
from radiolens.worklist.working_store import FOLDER
from tests.phantoms import MR, chest_film, dicom, head_slice, nifti
from tests.postgresql import needs_postgresql, postgresql
from tests.store.conftest import new_database
from tests.worklist.kept import Kept, read_kept
from tests.worklist.site import FILE_NAME, PATIENT, QUOTA_BYTES, Site, answering, films, site

__all__ = ["postgresql"]

SEX_AND_AGE = {"PatientSex": "F", "PatientAge": "091Y"}
FONT = Path(radiolens.__file__).parent / "fonts" / "RadiolensSans-Regular.ttf"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Site]:
    """Give a site that keeps images for thirty days."""
    with site(tmp_path / "home", weights=answering(2.0, -1.0)) as found:
        found.keep_images(days=30)
        yield found


def head(series: str, number: int = 0) -> bytes:
    pixels = (head_slice(seed=number) + 1000).astype(np.uint16)
    told = {"SOPClassUID": MR, "Modality": "MR", "BodyPartExamined": "HEAD", "SeriesInstanceUID": series}
    return dicom(pixels, **(PATIENT | SEX_AND_AGE | told))


def grey(seed: int) -> PIL.Image.Image:
    return PIL.Image.fromarray(np.rint(chest_film(seed=seed) * 255).astype(np.uint8))


def jpeg() -> bytes:
    """Return a JPEG whose EXIF and comment name the patient."""
    stream, exif = io.BytesIO(), PIL.Image.Exif()
    exif[0x010E] = PATIENT["PatientName"]  # ImageDescription
    grey(9).save(stream, "JPEG", exif=exif, comment=PATIENT["PatientID"].encode())
    return stream.getvalue()


def png() -> bytes:
    stream, words = io.BytesIO(), PngInfo()
    words.add_text("Title", PATIENT["PatientName"])
    grey(8).save(stream, "PNG", pnginfo=words)
    return stream.getvalue()


def named_nifti() -> bytes:
    """Return a volume whose descriptive fields name the patient (NIfTI-1: descrip at 148, intent_name at 328)."""
    slices = np.stack([head_slice(seed=number) for number in range(8)], axis=-1).astype(np.int16)
    content = bytearray(nifti(slices, np.diag([1.0, 1.0, 5.0, 1.0])))
    content[148 : 148 + len(PATIENT["PatientName"])] = PATIENT["PatientName"].encode()
    content[328 : 328 + 14] = PATIENT["PatientID"].encode()
    return bytes(content)


def lettered(text: str) -> bytes:
    """Return a film with a line of text in it."""
    film, stream = grey(7).resize((400, 480)), io.BytesIO()
    PIL.ImageDraw.Draw(film).text((10, 10), text, fill=255, font=PIL.ImageFont.truetype(FONT, 16))
    film.save(stream, "PNG")
    return stream.getvalue()


def photograph() -> bytes:
    stream = io.BytesIO()
    PIL.Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200, 3)).astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def traces() -> list[bytes]:
    """Return what of the header would give the patient away: whole values, and their words."""
    words = {word for value in PATIENT.values() for word in value.replace("^", " ").split() if len(word) > 4}
    found = [value.encode() for value in (*PATIENT.values(), *words, FILE_NAME)]
    return [*found, *(value.upper() for value in found), *(value.lower() for value in found)]


def found_in(content: bytes) -> list[bytes]:
    return [trace for trace in traces() if trace in content]


def kept(at: Site) -> Sequence[KeptImage]:
    with at.database.reading() as session:
        return kept_images(session)


def opened(at: Site, entry: KeptImage) -> Kept:
    (content,) = at.work_list.store.get(entry.store_name)
    return read_kept(content)


def told(at: Site, action: str) -> Sequence[Entry]:
    with at.database.reading() as session:
        return list(audit.entries(session, action=action))


def closed(at: Site, *contents: bytes, **more: object) -> UUID:
    case_id = at.case(*contents, **more)
    at.work_list.close(LOCAL_USER_ID, case_id)
    return case_id


def test_after_a_day_of_a_site_that_keeps_images_nothing_of_a_patient_is_in_clear_nor_in_what_is_kept(
    place: Site,
) -> None:
    contents = [head("1.2.840.1"), head("1.2.840.1", 1), head("1.2.840.2", 2), jpeg(), png(), *films(1)]
    assert found_in(b"".join(contents))  # the search finds what is there
    cases = [case.case_id for case in place.accept(*contents, task="auto").cases]
    place.wait()
    assert found_in(place.disk()) == []
    for case_id in cases[:-1]:
        tasks = place.work_list.case(LOCAL_USER_ID, case_id).tasks
        label = "glioma" if tasks[0] == "brain-mri" else "pneumonia"
        place.work_list.answer(LOCAL_USER_ID, case_id, Answer({label: Presence.ABSENT}))
        place.work_list.close(LOCAL_USER_ID, case_id)
    place.clock.forward(hours=25)  # the one that nobody closed is kept, too
    assert place.tidy(left_over_s=0) == Tidied(cases=1)
    entries = kept(place)
    assert {entry.case_id for entry in entries} == set(cases)
    assert set(place.work_list.store.names()) == {entry.store_name for entry in entries}  # and nothing else is there
    disk = place.disk()
    assert found_in(disk) == []
    for data in contents:
        assert not any(data[start : start + 24] in disk for start in range(400, len(data) - 24, 997))
        assert zlib.compress(data)[10:40] not in disk
    for entry in entries:
        (content,) = place.work_list.store.get(entry.store_name)
        with np.load(io.BytesIO(content)) as stored:
            assert set(stored.files) == {"pixels", "header"}
            assert found_in(stored["pixels"].tobytes() + str(stored["header"]).encode()) == []
            assert json.loads(str(stored["header"])) == json.loads(json.dumps(entry.header))
            assert set(entry.header["source"]) <= ALLOWED
    with place.database.reading() as session:
        assert audit.verify(session) is None


ALLOWED = {
    "format",
    "size",
    "body_part_examined",
    "patient_age_years",
    "patient_sex",
    "presentation_intent_type",
    "burned_in_annotation",
    "recognizable_visual_features",
    "image_type",
    "scanning_sequence",
    "acquisition_contrast",
    "echo_time_ms",
    "inversion_time_ms",
    "contrast_given",
    "colour_fraction",
}
"""Of `Source`; beside it stand unit, spacing, modality, view, orientation and the places of the slices."""


def test_a_site_that_has_not_opted_in_keeps_nothing(tmp_path: Path) -> None:
    with site(tmp_path / "home") as found:
        closed(found, *films(1))
        found.case(*films(1))
        found.clock.forward(hours=25)
        assert found.tidy(left_over_s=0) == Tidied(cases=1)
        assert kept(found) == ()
        assert list(found.work_list.store.names()) == []
        assert not [*told(found, "kept_image")]


def test_what_is_kept_is_what_the_network_was_given(place: Site) -> None:
    data = head("1.2.840.1")
    case_id = closed(place, data, task="brain-mri")
    (entry,) = kept(place)
    found, whole = opened(place, entry), read_untrusted([data])
    np.testing.assert_array_equal(found.pixels, whole.pixels)
    assert (found.header["unit"], found.header["modality"]) == (whole.unit, "MR")
    source = found.header["source"]
    assert source["body_part_examined"] == "HEAD"
    assert (source["patient_sex"], source["patient_age_years"]) == ("F", 90.0)
    assert (entry.case_id, entry.position) == (case_id, 0)
    assert entry.erase_after - entry.created == timedelta(days=30)
    (view,) = place.work_list.case(LOCAL_USER_ID, case_id).images
    assert (view.kept_until, view.not_kept) == (entry.erase_after, "")
    (keep,) = told(place, "kept_image.keep")
    assert (keep.target, keep.detail["case"]) == (f"kept_image:{entry.kept_id}", str(case_id))


def test_of_a_volume_the_middle_slices_are_kept_and_no_word_of_its_header(place: Site) -> None:
    closed(place, named_nifti(), task="brain-mri")
    (entry,) = kept(place)
    found = opened(place, entry)
    assert found.header["slice_count"] == 8
    assert 0 < len(found.header["slice_indices"]) < 8
    (content,) = place.work_list.store.get(entry.store_name)
    assert found_in(content + found.pixels.tobytes()) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (dicom(np.rint(chest_film() * 4095).astype(np.uint16), BurnedInAnnotation="YES", **PATIENT), "burnt_in_text"),
        (lettered("DOE JANE 12.03.1961"), "burnt_in_text"),
        (dicom(np.rint(chest_film() * 4095).astype(np.uint16), RecognizableVisualFeatures="YES"), "recognizable"),
        (photograph(), "not_medical_image"),
    ],
    ids=["declared", "seen", "recognizable", "coloured"],
)
def test_what_cannot_be_kept_safely_is_not_kept_and_says_why(place: Site, content: bytes, reason: str) -> None:
    case_id = closed(place, content)
    assert kept(place) == ()
    assert list(place.work_list.store.names()) == []
    (view,) = place.work_list.case(LOCAL_USER_ID, case_id).images
    assert (view.kept_until, view.not_kept) == (None, reason)
    (entry,) = told(place, "kept_image.refuse")
    assert (entry.target, entry.detail) == (f"case:{case_id}", {"image": 0, "reason": reason})


def test_that_text_is_burnt_in_is_known_before_the_case_is_closed_where_the_file_says_so(place: Site) -> None:
    case_id = place.case(dicom(np.rint(chest_film() * 4095).astype(np.uint16), BurnedInAnnotation="YES"))
    found = place.work_list.case(LOCAL_USER_ID, case_id)
    assert (found.images[0].not_kept, found.keep_days) == ("burnt_in_text", 30)


def test_an_unreadable_file_is_not_kept(place: Site) -> None:
    closed(place, b"no image at all")
    assert kept(place) == ()


def test_kept_images_take_half_of_the_quota_and_the_case_is_closed_all_the_same(place: Site) -> None:
    first = closed(place, *films(1))
    with place.database.session() as session:
        session.query(KeptImageRow).update({"size_bytes": QUOTA_BYTES // 2})
    case_id = closed(place, films(2)[1])
    (view,) = place.work_list.case(LOCAL_USER_ID, case_id).images
    assert (view.not_kept, view.working_copy) == ("no_room", False)
    assert [entry.case_id for entry in kept(place)] == [first]


def test_a_kept_image_goes_when_its_time_is_over_and_the_audit_log_tells(place: Site) -> None:
    case_id = closed(place, *films(1))
    place.clock.forward(days=29)
    assert place.tidy(left_over_s=0) == Tidied()
    assert len(list(place.work_list.store.names())) == 1
    place.clock.forward(days=2)
    assert place.tidy() == Tidied(kept=1)
    assert list(place.work_list.store.names()) == []
    assert place.work_list.case(LOCAL_USER_ID, case_id).images[0].kept_until is None
    (entry,) = told(place, "kept_image.erase")
    assert (entry.actor, entry.detail) == ("radiolens", {"case": str(case_id)})
    with place.database.reading() as session:
        assert session.scalars(select(KeptImageRow.header)).all() == [{}]
    assert place.tidy() == Tidied()


@needs_postgresql
def test_on_postgresql_images_are_kept_and_erased_too(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with site(tmp_path / "home", address=new_database(request.getfixturevalue("postgresql"))) as found:
        found.keep_images(days=30)
        closed(found, *films(1))
        (entry,) = kept(found)
        assert list(found.work_list.store.names()) == [entry.store_name]
        found.clock.forward(days=31)
        assert found.tidy() == Tidied(kept=1)
        assert list(found.work_list.store.names()) == []


def test_erasing_the_images_of_a_case_erases_what_is_kept_of_it(place: Site) -> None:
    case_id, other = closed(place, *films(1)), closed(place, films(2)[1])
    place.work_list.erase(LOCAL_USER_ID, case_id)
    assert [entry.case_id for entry in kept(place)] == [other]
    assert set(place.work_list.store.names()) == {entry.store_name for entry in kept(place)}
    still_open = place.case(films(3)[2])
    place.work_list.erase(LOCAL_USER_ID, still_open)  # whoever erases wants nothing to be kept
    assert [entry.case_id for entry in kept(place)] == [other]


def test_a_case_that_cannot_be_closed_keeps_nothing(place: Site) -> None:
    case_id = closed(place, *films(1))
    with pytest.raises(WrongState, match="closed"):
        place.work_list.close(LOCAL_USER_ID, case_id)
    assert len(kept(place)) == len(list(place.work_list.store.names())) == 1


def test_copies_made_for_a_case_that_then_stays_open_are_erased_again(place: Site) -> None:
    case_id = place.case(*films(1))
    before = set(place.work_list.store.names())
    seen: list[set[str]] = []

    def fail_with_copies() -> None:
        with place.work_list.keeping.copies_of(case_id):
            seen.append(set(place.work_list.store.names()))
            raise WrongState("another reader was faster")

    with pytest.raises(WrongState, match="faster"):
        fail_with_copies()
    assert len(seen[0] - before) == 1
    assert set(place.work_list.store.names()) == before
    assert kept(place) == ()


def test_copies_that_took_long_to_make_are_not_swept_away_before_they_are_entered(place: Site) -> None:
    case_id = place.case(*films(1))
    before = set(place.work_list.store.names())
    put = place.work_list.store.put

    def slowly(parts: Sequence[bytes]) -> str:
        name = put(parts)
        os.utime(place.home / FOLDER / name, (0, 0))
        return name

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place.work_list.store, "put", slowly)
        with place.work_list.keeping.copies_of(case_id) as copies:
            assert place.tidy() == Tidied()
            with place.database.session() as session:
                enter_copies(session, LOCAL_USER_ID, case_id, copies)
    (entry,) = kept(place)
    assert {entry.store_name} == set(place.work_list.store.names()) - before
    assert opened(place, entry)


def test_a_copy_that_was_swept_away_while_others_were_made_is_told_as_not_kept(place: Site) -> None:
    case_id = place.case(*films(2), together=True)
    put = place.work_list.store.put
    made: list[str] = []

    def slowly(parts: Sequence[bytes]) -> str:
        for name in made:  # the first is old when the second is made
            os.utime(place.home / FOLDER / name, (0, 0))
        assert place.tidy() == Tidied(left_over=len(made))
        made.append(put(parts))
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place.work_list.store, "put", slowly)
        found = place.work_list.close(LOCAL_USER_ID, case_id)
    (entry,) = kept(place)
    assert (entry.store_name, entry.position) == (made[1], 1)
    assert [image.not_kept for image in found.images] == [NotKept.NOT_STORED, ""]
    assert [said.detail["reason"] for said in told(place, "kept_image.refuse")] == ["not_stored"]


def test_of_two_who_close_a_case_at_the_same_time_one_keeps_its_images(place: Site) -> None:
    case_id = place.case(*films(1))
    with place.work_list.keeping.copies_of(case_id) as copies:
        place.work_list.close(LOCAL_USER_ID, case_id)
        with place.database.session() as session:
            enter_copies(session, LOCAL_USER_ID, case_id, copies)
    (entry,) = kept(place)
    assert place.tidy(left_over_s=0) == Tidied(left_over=1)
    assert list(place.work_list.store.names()) == [entry.store_name]


def test_a_file_holds_the_pixels_and_what_is_known_of_them() -> None:
    image = replace(read_untrusted(films(1)), spacing_mm=(0.1, 0.2), orientation=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    found = read_kept(kept_to_bytes(image))
    np.testing.assert_array_equal(found.pixels, image.pixels)
    assert found.header["spacing_mm"] == [0.1, 0.2]
    assert found.header["orientation"] == [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    assert found.header["slice_indices"] == [0]
    source = {**found.header["source"], "size": tuple(found.header["source"]["size"])}
    assert Source(**source) == image.source


def test_in_second_reader_mode_what_is_kept_does_not_tell_what_the_network_said(tmp_path: Path) -> None:
    contents = [*films(2), lettered("DOE JANE"), jpeg()]
    seen = []
    for name, weights in (("present", answering(2.0, 2.0)), ("absent", answering(-4.0, -4.0))):
        with site(tmp_path / name, weights=weights) as found:
            found.keep_images()
            found.second_reader()
            for content in contents:
                closed(found, content)
            told_of = [(entry.action, entry.detail.get("reason")) for entry in told(found, "kept_image")]
            seen.append((told_of, [(entry.size_bytes, entry.header) for entry in kept(found)]))
    assert seen[0] == seen[1]
    assert len(seen[0][1]) == 3
