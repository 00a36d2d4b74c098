"""Reads untrusted image bytes in the sandbox; the parent sees an array and an allow-list of header fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from radiolens.errors import UnreadableImage
from radiolens.image import Image, Source, Unit
from radiolens.imaging.limits import Limits
from radiolens.imaging.read import decode
from radiolens.imaging.sandbox import readers_sandbox
from radiolens.imaging.selection import MIDDLE, SliceSelection
from radiolens.imaging.wire import Payload

__all__ = ["decode_in_child", "read_untrusted"]

_TUPLES = ("size", "sop_instance_uids", "warnings")


def read_untrusted(
    files: Sequence[bytes], selection: SliceSelection = MIDDLE, limits: Limits = Limits()
) -> Image:
    """Return the image in `files`: one file, or all files of one DICOM series. Raises UnreadableImage."""
    arguments = {"selection": asdict(selection), "limits": asdict(limits)}
    payload = readers_sandbox().run(f"{__name__}:decode_in_child", files, arguments, limits)
    try:
        return _image(payload)
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableImage("The file could not be decoded. Export it again from its source.") from error


def decode_in_child(files: Sequence[bytes], arguments: Mapping[str, Any]) -> Payload:
    """Decode in this process, which is a child of the sandbox, and return what may leave it."""
    selection = SliceSelection(**arguments["selection"])
    image = decode(files, selection, Limits(**arguments["limits"]))
    facts = {name: getattr(image, name) for name in _IMAGE_FACTS}
    return Payload({**facts, "source": asdict(image.source)}, (image.pixels,))


_IMAGE_FACTS = ("unit", "spacing_mm", "modality", "view", "orientation", "slice_indices", "slice_count")


def _image(payload: Payload) -> Image:
    facts = dict(payload.facts)
    told = facts["source"]
    source = {field.name: told[field.name] for field in fields(Source)}
    source |= {name: tuple(source[name]) for name in _TUPLES}
    (pixels,) = payload.arrays
    return Image(
        pixels=pixels,
        unit=Unit(facts["unit"]),
        source=Source(**source),
        spacing_mm=_tuple(facts["spacing_mm"]),
        modality=facts["modality"],
        view=facts["view"],
        orientation=_tuple(facts["orientation"]),
        slice_indices=tuple(int(index) for index in facts["slice_indices"]),
        slice_count=int(facts["slice_count"]),
    )


def _tuple(values: Sequence[float] | None) -> Any:  # noqa: ANN401  its length is the caller's to know
    return None if values is None else tuple(float(value) for value in values)
