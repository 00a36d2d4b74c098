"""A decoded image or volume, with the header facts that matter for a diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

__all__ = ["Image", "Source", "Unit", "are_directions"]

_PATIENT_AXIS = {letter: axis for axis in ("RL", "AP", "FH") for letter in axis}
"""The axis of the patient that a letter of DICOM (PS3.3 C.7.6.1.1.1) lies on."""


class Unit(StrEnum):
    """What a pixel value means."""

    UNIT_INTERVAL = "unit_interval"
    """X-ray and pictures: 0 to 1, white is dense."""
    HOUNSFIELD = "hounsfield"
    """CT: Hounsfield units."""
    ARBITRARY = "arbitrary"
    """MR: no defined unit."""


@dataclass(frozen=True)
class Source:
    """Where an image came from: the allow-list of header facts; nothing here names a patient.

    `format` is jpeg, png, tiff, bmp, dicom or nifti. Keywords are DICOM's; what a file does not state is None.
    `patient_age_years` is the age at the examination, never a date of birth.
    `size` is (rows, columns) before any reduction. `warnings` are the readers' remarks.
    """

    format: str
    size: tuple[int, int] = (0, 0)
    transfer_syntax_uid: str | None = None
    sop_class_uid: str | None = None
    sop_instance_uids: tuple[str, ...] = ()
    series_instance_uid: str | None = None
    study_instance_uid: str | None = None
    body_part_examined: str | None = None
    patient_age_years: float | None = None
    patient_sex: str | None = None
    manufacturer: str | None = None
    series_description: str | None = None
    presentation_intent_type: str | None = None
    burned_in_annotation: str | None = None
    """YES if one of the files says so, as is that on features by which the patient could be recognised."""
    recognizable_visual_features: str | None = None
    image_type: str | None = None
    scanning_sequence: str | None = None
    acquisition_contrast: str | None = None
    echo_time_ms: float | None = None
    inversion_time_ms: float | None = None
    contrast_given: bool | None = None
    """Whether the file states a contrast agent; which one, and how much, is not kept."""
    colour_fraction: float = 0.0
    """Mean saturation (0 to 1) of the picture before it was turned grey; 0 for greyscale."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Image:
    """Read-only pixels and what they mean.

    `pixels` is float32 of shape (slices, rows, columns); a film has one slice. `spacing_mm` is (between rows,
    between columns). `modality` is DICOM's (CR, DX, CT, MR, ...), None for a picture that does not say.
    `view` is ViewPosition. `orientation` is ImageOrientationPatient, six direction cosines. `patient_orientation` is
    PatientOrientation, which films have instead: where rows and columns lead to. `slice_indices` are the positions of
    the slices in the whole volume of `slice_count`, from 0 in the order of the scan.
    """

    pixels: NDArray[np.float32]
    unit: Unit
    source: Source
    spacing_mm: tuple[float, float] | None = None
    modality: str | None = None
    view: str | None = None
    orientation: tuple[float, ...] | None = None
    patient_orientation: tuple[str, str] | None = None
    slice_indices: tuple[int, ...] = (0,)
    slice_count: int = 1

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.dtype != np.float32:
            raise ValueError(
                "pixels must be float32 of shape (slices, rows, columns), "
                f"found {self.pixels.dtype} {self.pixels.shape}"
            )
        if self.patient_orientation is not None and not are_directions(*self.patient_orientation):
            raise ValueError(f"patient_orientation must be two directions, as (L, F), found {self.patient_orientation}")
        if len(self.slice_indices) != len(self.pixels):
            raise ValueError(f"{len(self.pixels)} slices, but {len(self.slice_indices)} slice_indices")
        view = self.pixels.view()
        view.flags.writeable = False
        object.__setattr__(self, "pixels", view)

    @property
    def is_volume(self) -> bool:
        """Say whether the image is one of several slices or frames."""
        return self.slice_count > 1


def are_directions(rows: str, columns: str) -> bool:
    """Say whether rows and columns can lead to these sides of a patient: letters of R, L, A, P, F, H, nearest first.

    A direction names no axis twice, and the two are nearest to different axes.
    """
    axes = [[_PATIENT_AXIS.get(letter) for letter in towards] for towards in (rows, columns)]
    return all(found and None not in found and len(set(found)) == len(found) for found in axes) and (
        axes[0][0] != axes[1][0]
    )
