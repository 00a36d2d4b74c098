"""Which side of the patient is where on a film: only what the header says, and nothing from a header that is wrong."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pydicom.data
import pytest
from pydicom.uid import UID

from radiolens.errors import UnreadableImage
from radiolens.image import Image, Source, Unit
from radiolens.imaging.untrusted import read_untrusted
from tests.phantoms import chest_film, dicom

FILM = np.rint(chest_film(60, 50) * 4095).astype(np.uint16)
DX = UID("1.2.840.10008.5.1.4.1.1.1.1")

DUMP = """
(0008,0016) UI =ComputedRadiographyImageStorage
(0008,0018) UI [1.2.826.0.1.3680043.8.498.1]
(0008,0020) DA [20260101]
(0008,0030) TM [120000]
(0008,0050) SH (no value available)
(0008,0060) CS [CR]
(0008,0070) LO (no value available)
(0008,0090) PN (no value available)
(0010,0010) PN (no value available)
(0010,0020) LO (no value available)
(0010,0030) DA (no value available)
(0010,0040) CS (no value available)
(0018,0015) CS [CHEST]
(0018,5101) CS [{view}]
(0020,000d) UI [1.2.826.0.1.3680043.8.498.2]
(0020,000e) UI [1.2.826.0.1.3680043.8.498.3]
(0020,0010) SH (no value available)
(0020,0011) IS (no value available)
(0020,0013) IS [1]
(0020,0020) CS [{sides}]
(0028,0002) US 1
(0028,0004) CS [MONOCHROME2]
(0028,0010) US 60
(0028,0011) US 50
(0028,0100) US 16
(0028,0101) US 12
(0028,0102) US 11
(0028,0103) US 0
(7fe0,0010) OW =film.raw
"""
"""A whole radiograph as dcmtk writes it; dicom3tools' dciodvfy finds no error in it."""


def film(**elements: Any) -> Image:  # noqa: ANN401  any value of any element
    """Return what the parent of the sandbox gets of a film."""
    return read_untrusted([dicom(FILM, BitsStored=12, HighBit=11, **elements)])


@pytest.mark.parametrize(
    "told", [("L", "F"), ("R", "F"), ("P", "F"), ("A", "F"), ("H", "L"), ("L", "PF"), ("LP", "FAR")]
)
@pytest.mark.parametrize("kind", [{}, {"Modality": "DX", "SOPClassUID": DX}])
def test_rows_and_columns_lead_where_the_header_says(told: tuple[str, str], kind: dict[str, Any]) -> None:
    assert film(PatientOrientation=list(told), **kind).patient_orientation == told


@pytest.mark.parametrize("told", [None, "", "L", ["", "F"], ["L", ""], ["L", "F", "H"], ["", "L", "F"]])
def test_what_is_not_told_is_not_guessed(told: str | list[str] | None) -> None:
    elements = {} if told is None else {"PatientOrientation": told}
    assert film(**elements).patient_orientation is None


@pytest.mark.parametrize(
    "damaged", [b"l\\f ", b"LR\\F", b"L\\R ", b"LL\\F", b"X\\F ", b"\xff\\\0 ", b"LF  ", b"\\\\\\\\", b"RT\\D"]
)
def test_sides_that_no_patient_has_are_left_out(damaged: bytes) -> None:
    length = len(damaged) + len(damaged) % 2
    content = dicom(FILM, BitsStored=12, HighBit=11, PatientOrientation=["B" * (length - 2), "Q"])
    assert content.count(b"B" * (length - 2) + b"\\Q") == 1
    damaged_content = content.replace(b"B" * (length - 2) + b"\\Q", damaged.ljust(length))
    assert read_untrusted([damaged_content]).patient_orientation is None


def test_sides_of_another_type_are_left_out() -> None:
    content = dicom(FILM, BitsStored=12, HighBit=11, PatientOrientation=["LA", "FR"])
    place = content.index(b"\x20\0\x20\0CS") + 4
    for vr in (b"US", b"FL", b"AT", b"SQ", b"OW", b"??"):
        try:
            image = read_untrusted([content[:place] + vr + content[place + 2 :]])
        except UnreadableImage:
            continue  # of a length that is none of this type: the file is refused as a whole
        assert image.patient_orientation is None, vr


def test_an_animal_has_other_sides() -> None:
    """L is lateral there, and not left (PS3.3 C.7.6.1.1.1)."""
    assert film(PatientOrientation=["L", "D"], AnatomicalOrientationType="QUADRUPED").patient_orientation is None
    assert film(PatientOrientation=["L", "F"], AnatomicalOrientationType="QUADRUPED").patient_orientation is None
    assert film(PatientOrientation=["L", "F"], AnatomicalOrientationType="BIPED").patient_orientation == ("L", "F")


@pytest.mark.parametrize(("view", "sides"), [("PA", ("L", "F")), ("AP", ("R", "F")), ("LL", ("P", "F"))])
def test_a_radiograph_that_dcmtk_wrote_tells_its_sides(view: str, sides: tuple[str, str], tmp_path: Path) -> None:
    if shutil.which("dump2dcm") is None:
        pytest.skip("needs dump2dcm, an independent writer (apt-get install dcmtk)")
    (tmp_path / "film.raw").write_bytes(FILM.tobytes())
    (tmp_path / "film.dump").write_text(DUMP.format(view=view, sides="\\".join(sides)))
    subprocess.run(["dump2dcm", "film.dump", "film.dcm"], cwd=tmp_path, check=True)
    image = read_untrusted([(tmp_path / "film.dcm").read_bytes()])
    assert (image.view, image.patient_orientation) == (view, sides)
    assert image.source.warnings == ()


def test_a_radiograph_of_a_clinic_tells_its_sides() -> None:
    folder = Path(pydicom.data.__file__).parent / "test_files" / "dicomdirtests" / "77654033"
    found = {path: read_untrusted([path.read_bytes()]).patient_orientation for path in folder.glob("CR*/*")}
    assert len(found) == 3
    assert set(found.values()) == {("L", "F")}


def test_an_image_refuses_sides_that_no_patient_has() -> None:
    with pytest.raises(ValueError, match=r"two directions, as \(L, F\), found \('L', 'R'\)"):
        Image(chest_film()[None], Unit.UNIT_INTERVAL, Source("dicom"), patient_orientation=("L", "R"))
