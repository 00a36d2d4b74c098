"""The viewer gets the very slices and maps of an image, and nothing once they may not be seen any more."""

from __future__ import annotations

import io
from uuid import UUID

import numpy as np
import PIL.Image
import pytest

from radiolens.explain.overlay import overlay
from radiolens.imaging.selection import EVERY
from radiolens.imaging.untrusted import read_untrusted
from radiolens.store.schema import LOCAL_USER_ID
from radiolens.web.reading.stack import make_stack
from tests.phantoms import dicom, head_slice, nifti
from tests.web.reading.desk import FILM, Desk
from tests.web.serving import film, head_series


@pytest.fixture(scope="module")
def address(at: Desk) -> str:
    """Give the address of the image of a case."""
    (case,) = at.send(("film.png", FILM))
    return address_of(at, case)


def address_of(at: Desk, case: UUID) -> str:
    (image,) = at.work_list.case(LOCAL_USER_ID, case).images
    return f"/cases/{case}/images/{image.image_id}"


def test_the_slices_are_those_of_the_file(at: Desk, address: str) -> None:
    told = at.client.get(f"{address}/stack").json()
    assert (told["rows"], told["columns"], told["type"], told["count"]) == (*film().shape, "uint16", 1)
    pixels = np.frombuffer(at.client.get(f"{address}/slices/0").content, "<u2").reshape(film().shape)
    assert np.array_equal(pixels, make_stack(read_untrusted([FILM])).pixels[0])
    assert np.abs(pixels / 65535 * 255 - film()).max() < 0.01


def test_a_series_gives_every_slice_with_its_sides_and_spacing(at: Desk) -> None:
    files = [(f"IM{number}", content) for number, content in enumerate(head_series(5))]
    (case,) = at.send(*files, task="brain-mri")
    series = address_of(at, case)
    told = at.client.get(f"{series}/stack").json()
    assert (told["indices"], told["count"], told["spacing_mm"]) == ([0, 1, 2, 3, 4], 5, [1.0, 1.0])
    assert told["edges"] == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    every = make_stack(read_untrusted(head_series(5), EVERY))
    slices = [at.client.get(f"{series}/slices/{place}").content for place in range(5)]
    assert slices == [every.slice(place) for place in range(5)]
    missing = at.client.get(f"{series}/slices/5")
    assert (missing.status_code, missing.json()["detail"]) == (404, "The image has 5 slices.")


def test_a_film_has_the_sides_that_its_header_names(at: Desk) -> None:
    found = []
    for told in ({"PatientOrientation": ["L", "F"]}, {}):
        (case,) = at.send(("film.dcm", dicom(film(), **told)))
        found.append(at.client.get(f"{address_of(at, case)}/stack").json()["edges"])
    assert found[0] == {"left": "R", "right": "L", "top": "H", "bottom": "F"}
    assert set(found[1].values()) == {""}


def test_a_nifti_volume_has_sides_only_where_it_knows_a_patient(at: Desk) -> None:
    voxels = np.stack([head_slice(height=height).T[::-1, ::-1] for height in (-0.5, 0, 0.5)], axis=-1)
    knows_none = bytearray(nifti(voxels.astype(np.int16), np.diag([1.0, 1, 5, 1])))
    knows_none[252:256] = bytes(4)  # qform_code and sform_code
    found = []
    for content in (nifti(voxels.astype(np.int16), np.diag([1.0, 1, 5, 1])), bytes(knows_none)):
        (case,) = at.send(("head.nii", content), task="brain-mri")
        found.append(at.client.get(f"{address_of(at, case)}/stack").json()["edges"])
    assert found[0] == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    assert set(found[1].values()) == {""}


def test_the_map_is_the_engines_own(at: Desk, address: str) -> None:
    answer = at.client.get(f"{address}/maps/pneumonia")
    lineup = at.client.app.state.lineup  # type: ignore[attr-defined]  an app of Starlette
    prediction = lineup.now.predictor.predict_image(read_untrusted([FILM]), "chest-xray", explain=True)
    assert prediction.explanation
    expected = overlay(prediction.explanation, "pneumonia", film().shape)
    assert np.array_equal(np.asarray(PIL.Image.open(io.BytesIO(answer.content))), expected)
    assert answer.headers["x-slice-index"] == "0"
    assert at.client.get(f"{address}/maps/glioma").status_code == 404


def test_a_hidden_answer_has_no_map(at: Desk) -> None:
    at.second_reader(wanted=True)
    (case,) = at.send(("film.png", FILM))
    at.second_reader(wanted=False)
    hidden = address_of(at, case)
    answer = at.client.get(f"{hidden}/maps/pneumonia")
    assert (answer.status_code, "not revealed yet" in answer.json()["detail"]) == (409, True)
    assert at.client.get(f"{hidden}/stack").status_code == 200


def test_an_erased_image_is_gone_from_memory_too(at: Desk) -> None:
    (case,) = at.send(("film.png", FILM))
    gone = address_of(at, case)
    assert at.client.get(f"{gone}/slices/0").status_code == 200
    at.client.post(f"/cases/{case}/close")
    for path in ("stack", "slices/0", "maps/pneumonia"):
        answer = at.client.get(f"{gone}/{path}")
        assert (answer.status_code, "erased" in answer.json()["detail"]) == (409, True)


def test_an_image_of_another_case_is_not_shown(at: Desk, address: str) -> None:
    (case,) = at.send(("film.png", FILM))
    image = address.rsplit("/", 1)[1]
    assert at.client.get(f"/cases/{case}/images/{image}/stack").status_code == 404


def test_a_file_that_is_no_image_says_so(at: Desk) -> None:
    (case,) = at.send(("a.png", FILM[:300]))
    answer = at.client.get(f"{address_of(at, case)}/stack")
    assert answer.status_code == 422
    assert "Export it again" in answer.json()["detail"]
