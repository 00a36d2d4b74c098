"""What the page and the interface of a case say of de-identified copies, where the site keeps them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.phantoms import chest_film, dicom
from tests.web.reading.desk import FILM, Desk

KEPT = "A de-identified copy of this image is kept, encrypted, until"
DECLARED = dicom(np.rint(chest_film() * 4095).astype(np.uint16), BurnedInAnnotation="YES")


@pytest.fixture
def keeping(at: Desk) -> Iterator[None]:
    at.keep_images(wanted=True)
    yield
    at.keep_images(wanted=False)


@pytest.mark.usefixtures("keeping")
@pytest.mark.parametrize("blinded", [False, True])
def test_a_case_says_that_a_copy_will_be_kept_and_then_until_when(at: Desk, blinded: bool) -> None:
    at.second_reader(wanted=blinded)
    (case,) = at.send(("film.png", FILM))
    at.second_reader(wanted=False)
    page = at.page(f"/cases/{case}")
    assert "or when the case is closed · de-identified copies are then kept for 30 days" in page
    assert KEPT not in page
    page = at.post(f"/cases/{case}/close")
    assert KEPT in page
    assert "de-identified copies are then kept" not in page
    (image,) = at.client.get(f"/api/v1/cases/{case}").json()["images"]
    assert (image["working_copy"], image["not_kept"], image["kept_until"] is None) == (False, "", False)
    at.client.post(f"/api/v1/cases/{case}/erase")
    assert KEPT not in at.page(f"/cases/{case}")


@pytest.mark.usefixtures("keeping")
def test_who_closes_a_case_is_told_that_copies_stay(at: Desk) -> None:
    (case,) = at.send(("film.png", FILM))
    assert "De-identified copies are kept where that can be done safely." in at.page(f"/cases/{case}")


@pytest.mark.usefixtures("keeping")
def test_a_file_that_says_that_text_is_burnt_in_is_warned_of_before_and_after(at: Desk) -> None:
    (case,) = at.send(("film.dcm", DECLARED))
    for page in (at.page(f"/cases/{case}"), at.post(f"/cases/{case}/close")):
        assert "No copy of this image is kept: text may be burnt into its pixels." in page
    (image,) = at.client.get(f"/api/v1/cases/{case}").json()["images"]
    assert (image["not_kept"], image["kept_until"]) == ("burnt_in_text", None)


def test_nothing_is_said_of_copies_where_the_site_keeps_none(at: Desk) -> None:
    (case,) = at.send(("film.dcm", DECLARED))
    for page in (at.page(f"/cases/{case}"), at.post(f"/cases/{case}/close")):
        assert "No copy of this image is kept" not in page
        assert "copies are" not in page
