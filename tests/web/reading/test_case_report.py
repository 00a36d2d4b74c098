"""A case of a real work list becomes the values of its report."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from uuid import UUID

import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray

from radiolens.inference.installed import find_installed
from radiolens.inference.record import prediction_from_record
from radiolens.locale.languages import find_language, using
from radiolens.prediction import BundleIdentity, Presence
from radiolens.report.content import Picture, Report
from radiolens.store.schema import LOCAL_USER_ID
from radiolens.web.accounts.principal import Principal, Role
from radiolens.web.reading.case_report import report_of
from radiolens.web.reading.case_words import AnsweringBundle
from radiolens.web.reading.report_pictures import pictures_of
from radiolens.worklist.reading import Answer
from tests.phantoms import dicom
from tests.web.serving import film, png
from tests.worklist.site import Site, answering, films, site

JUDGED = {"pneumonia": Presence.ABSENT, "tuberculosis": Presence.ABSENT}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a site whose network finds pneumonia in every film, and no tuberculosis."""
    with site(tmp_path_factory.mktemp("report") / "home", weights=answering(2.0, -1.0)) as found:
        yield found


def written(place: Site, case: UUID, user: UUID = LOCAL_USER_ID) -> Report:
    """Return the report of a case as a user sees it."""
    versions = find_installed([place.home.parent / f"{place.home.name}-bundles"]).versions

    def find_bundle(identity: BundleIdentity) -> AnsweringBundle | None:
        found = (entry for entry in versions[identity.name] if entry.sha256 == identity.sha256)
        return next(map(AnsweringBundle, found), None)

    principal = Principal(user, "asha", frozenset({Role.CLINICIAN}))
    view = place.work_list.case(user, case)
    return report_of(view, principal, find_bundle, partial(pictures_of, place.work_list, user, case), place.clock())


def grey_levels(picture: Picture) -> NDArray[np.uint8]:
    """Return the pixels of a picture without colour; fail if it has any."""
    pixels = np.asarray(PIL.Image.open(io.BytesIO(picture.png)).convert("RGB"))
    assert (pixels == pixels[..., :1]).all()
    return pixels[..., 0]


def test_the_findings_are_those_of_the_stored_prediction(place: Site) -> None:
    case = place.case(films(1)[0])
    (image,) = written(place, case).images
    (stored,) = (entry.prediction for entry in place.work_list.case(LOCAL_USER_ID, case).images)
    assert stored is not None
    assert image.record is not None
    assert prediction_from_record({"path": "", **image.record}).findings == stored.findings
    assert [(line.title, line.state) for line in image.findings] == [
        ("Pneumonia", stored.finding("pneumonia").presence),
        ("Tuberculosis", stored.finding("tuberculosis").presence),
    ]
    assert image.model == stored.bundle
    assert image.headline == "Pneumonia suspected"


def test_image_and_heat_maps_are_in_it_until_the_case_is_closed(place: Site) -> None:
    case = place.case(films(2)[1])
    (image,) = written(place, case).images
    plain, *maps = image.pictures
    assert plain.caption == "The image"
    assert [entry.caption for entry in maps] == ["Heat map: pneumonia (empty)", "Heat map: tuberculosis (empty)"]
    assert all((grey_levels(entry) == grey_levels(plain)).all() for entry in maps)  # this network looks nowhere
    place.work_list.close(LOCAL_USER_ID, case)
    report = written(place, case)
    assert report.closed
    assert report.images[0].pictures == ()
    assert "erased" in report.images[0].picture_note
    assert report.images[0].findings == image.findings


def test_the_sides_of_the_patient_stand_on_the_pictures(place: Site) -> None:
    sided, silent = (
        written(place, place.case(dicom(film(9), **told))).images[0]
        for told in ({"PatientOrientation": ["L", "F"]}, {})
    )
    assert sided.pictures[0].description == "The image as it was sent (left R, right L, top H, bottom F)"
    assert all("(left R, right L, top H, bottom F)" in picture.description for picture in sided.pictures)
    changed = grey_levels(sided.pictures[0]) != grey_levels(silent.pictures[0])
    rows, columns = changed.shape
    middle = changed[rows // 2 - 10 : rows // 2 + 10]
    assert middle[:, : columns // 8].any(), "a letter on the left"
    assert middle[:, -columns // 8 :].any(), "one on the right"
    assert not changed[rows // 8 : -rows // 8, columns // 8 : -columns // 8].any(), "and none over the lungs"
    assert (sided.picture_note, silent.pictures[0].description) == ("", "The image as it was sent")
    assert "does not say which side is left" in silent.picture_note


def test_an_unreadable_file_says_what_to_do(place: Site) -> None:
    (image,) = written(place, place.case(b"no image at all")).images
    assert image.outcome == "unreadable"
    assert image.record is None
    assert [(reason.code, bool(reason.found)) for reason in image.reasons] == [("unreadable", True)]
    assert image.pictures == ()


def test_what_readers_and_tests_said_is_in_it(place: Site) -> None:
    case = place.case(png(film(5)))
    place.work_list.answer(LOCAL_USER_ID, case, Answer(JUDGED, agreed=False, reason="other_cause", comment="Scar"))
    place.work_list.diagnose(LOCAL_USER_ID, case, {"tuberculosis": Presence.ABSENT}, "Xpert")
    report = written(place, case)
    (answer,), (diagnosis,) = report.answers, report.diagnoses
    assert (answer.reader, answer.before, answer.agreed, answer.comment) == ("local", False, False, "Scar")
    assert answer.reason == "What is seen has another cause (scar, device, artefact)"
    assert (diagnosis.test, diagnosis.by) == ("Xpert", "local")


def test_it_speaks_the_language_of_the_reader(place: Site) -> None:
    case = place.case(png(film(6)))
    french = find_language("fr")
    assert french is not None
    with using(french):
        report = written(place, case)
    assert report.titles["tuberculosis"] == "Tuberculose"
    assert report.images[0].findings[0].title == "Pneumonie"


def test_a_reader_who_has_not_answered_gets_nothing_of_the_network(place: Site) -> None:
    place.second_reader()
    case, reader, other = place.case(png(film(7))), place.user("first"), place.user("second")
    place.work_list.answer(other, case, Answer(JUDGED, comment="seen by the other"))
    report = written(place, case, reader)
    (image,) = report.images
    assert report.hidden
    assert report.answers == ()
    assert (image.outcome, image.headline, image.findings, image.record, image.model) == ("hidden", "", (), None, None)
    assert [picture.caption for picture in image.pictures] == ["The image"]
    place.work_list.answer(reader, case, Answer(JUDGED))
    assert written(place, case, reader).images[0].findings
