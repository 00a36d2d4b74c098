"""Reads untrusted image bytes in the sandbox; the parent sees an array and an allow-list of header fields.

This module and all that it imports load no parser, so a program that uses it starts fast and holds little memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from types import MappingProxyType
from typing import Any

import numpy as np

from radiolens.errors import UnreadableImage
from radiolens.image import Image, Source, Unit
from radiolens.imaging.limits import Limits
from radiolens.imaging.sandbox import readers_sandbox
from radiolens.imaging.selection import MIDDLE, SliceSelection
from radiolens.imaging.wire import Payload
from radiolens.quality import ProblemCode

__all__ = ["read_untrusted", "start"]

_LONGEST_TEXT = 1024  # DICOM's longest here, a series description, has 64 characters; a reader's remark may quote more


def start() -> None:
    """Start the sandbox without waiting for it: it takes about half a second, which other start-up work can overlap."""
    readers_sandbox().start()


def read_untrusted(files: Sequence[bytes], selection: SliceSelection = MIDDLE, limits: Limits = Limits()) -> Image:
    """Return the image in `files`: one file, or all files of one DICOM series.

    Raises UnreadableImage if they hold none, are over a limit, or end the child that decodes them.
    """
    if len(files) > limits.frames:
        raise UnreadableImage(
            f"The series has {len(files)} files; at most {limits.frames} are read. Send a part of it.",
            ProblemCode.TOO_LARGE,
        )
    arguments = {"selection": asdict(selection), "limits": asdict(limits)}
    payload = readers_sandbox().run("radiolens.imaging.confined:decode_image", files, arguments, limits)
    try:
        return _image(payload)
    except (KeyError, TypeError, ValueError, OverflowError) as error:  # OverflowError: an integer beyond all floats
        raise UnreadableImage("The file could not be decoded. Export it again from its source.") from error


def _image(payload: Payload) -> Image:
    """Build the Image; raise ValueError for anything that is not as declared there."""
    facts, (pixels,) = payload.facts, payload.arrays
    # The sum of float32 values in float64 is finite if and only if all of them are, and takes no array of its own.
    if pixels.size == 0 or not math.isfinite(pixels.sum(dtype=np.float64)):
        raise ValueError("no pixels, or some that are no numbers")
    spacing, orientation = _numbers(facts["spacing_mm"], 2), _numbers(facts["orientation"], 6)
    if spacing is not None and min(spacing) <= 0:
        raise ValueError("a spacing that is none")
    return Image(
        pixels=pixels,
        unit=Unit(facts["unit"]),
        source=_source(facts["source"]),
        spacing_mm=None if spacing is None else (spacing[0], spacing[1]),
        modality=_text_or_none(facts["modality"]),
        view=_text_or_none(facts["view"]),
        orientation=orientation,
        patient_orientation=_directions(facts["patient_orientation"]),
        slice_indices=_places(facts["slice_indices"], _whole(facts["slice_count"])),
        slice_count=_whole(facts["slice_count"]),
    )


def _source(told: Mapping[str, Any]) -> Source:
    return Source(**{field.name: _CHECKS[str(field.type)](told[field.name]) for field in fields(Source)})


def _text(value: Any) -> str:  # noqa: ANN401  JSON
    if not isinstance(value, str):
        raise TypeError(f"a text, not {type(value).__name__}")
    return value[:_LONGEST_TEXT]


def _text_or_none(value: Any) -> str | None:  # noqa: ANN401  JSON
    return None if value is None else _text(value)


def _texts(value: Any) -> tuple[str, ...]:  # noqa: ANN401  JSON
    return tuple(_text(entry) for entry in value)


def _whole(value: Any) -> int:  # noqa: ANN401  JSON
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"a count, not {value!r:.40}")
    return value


def _number(value: Any) -> float:  # noqa: ANN401  JSON
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"a number, not {value!r:.40}")
    return float(value)


def _truth_or_none(value: Any) -> bool | None:  # noqa: ANN401  JSON
    if value is not None and not isinstance(value, bool):
        raise TypeError(f"yes, no or nothing, not {type(value).__name__}")
    return value


def _number_or_none(value: Any) -> float | None:  # noqa: ANN401  JSON
    return None if value is None else _number(value)


def _numbers(value: Any, count: int) -> tuple[float, ...] | None:  # noqa: ANN401  JSON
    if value is None:
        return None
    numbers = tuple(_number(entry) for entry in value)
    if len(numbers) != count:
        raise ValueError(f"{count} numbers, not {len(numbers)}")
    return numbers


def _directions(value: Any) -> tuple[str, str] | None:  # noqa: ANN401  JSON
    if value is None:
        return None
    rows, columns = _texts(value)
    return rows, columns


def _places(value: Any, count: int) -> tuple[int, ...]:  # noqa: ANN401  JSON
    places = tuple(_whole(index) for index in value)
    if list(places) != sorted(set(places)) or max(places, default=0) >= count:
        raise ValueError(f"no ascending places among {count} slices")
    return places


def _size(value: Any) -> tuple[int, int]:  # noqa: ANN401  JSON
    rows, columns = value
    return _whole(rows), _whole(columns)


_CHECKS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "str": _text,
        "str | None": _text_or_none,
        "tuple[str, ...]": _texts,
        "tuple[int, int]": _size,
        "float": _number,
        "float | None": _number_or_none,
        "bool | None": _truth_or_none,
    }
)
"""By a field's annotation, so that a new field of Source is carried and checked without a change here."""
