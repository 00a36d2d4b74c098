"""The pictures of a report: the slice that the answer is shown on, and the heat maps over it."""

from __future__ import annotations

from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from radiolens.errors import InputError, WrongState
from radiolens.explain.overlay import blended, display_slice, overlay, png
from radiolens.locale.translate import gettext as _
from radiolens.prediction import Explanation
from radiolens.report.content import Picture
from radiolens.web.reading.case_page import MapChoice, ShownImage
from radiolens.web.reading.side_letters import lettered
from radiolens.web.reading.stack import Edges, edges
from radiolens.worklist.views import ImageView
from radiolens.worklist.work_list import WorkList

__all__ = ["LONGEST_SIDE", "MOST_MAPS", "pictures_of"]

LONGEST_SIDE = 800
"""Pixels: 240 per inch of a picture that is half a page wide."""
MOST_MAPS = 3
"""Heat maps of one image, of those labels whose maps the page offers: more than any task has findings."""


def pictures_of(
    work: WorkList, viewer: UUID, case_id: UUID, image: ImageView, shown: ShownImage
) -> tuple[tuple[Picture, ...], str]:
    """Return the image and its heat maps as far as this user may see them, or none; and what is to be said of that.

    The patient's sides are written onto them where the file tells them.
    """
    try:
        decoded = work.image(viewer, case_id, image.image_id)
    except WrongState:
        return (), _("The image was erased, as the site's rules have it. Only its results are kept.")
    except InputError:
        return (), _("The image cannot be shown.")
    explanation = _explanation(work, viewer, case_id, image, shown)
    middle = decoded.slice_indices[len(decoded.slice_indices) // 2]
    grey = display_slice(decoded, explanation.slice_index if explanation else middle)
    sides = edges(decoded.orientation, decoded.patient_orientation)
    note = "" if sides.known else _("The file does not say which side is left and which is right.")
    plain = Picture(
        png(lettered(grey, sides), LONGEST_SIDE), _sided(_("The image as it was sent"), sides), _("The image")
    )
    if explanation is None:
        return (plain,), note
    maps = [choice for choice in shown.maps if choice.label in explanation.maps][:MOST_MAPS]
    return (plain, *(_map(grey, sides, explanation, choice, shown.map_kind) for choice in maps)), note


def _explanation(
    work: WorkList, viewer: UUID, case_id: UUID, image: ImageView, shown: ShownImage
) -> Explanation | None:
    """Return the heat maps, None where there are none, none are offered, or they are gone."""
    if not shown.maps:
        return None
    try:
        return work.maps(viewer, case_id, image.image_id)
    except WrongState:
        return None


def _map(grey: NDArray[np.uint8], sides: Edges, explanation: Explanation, choice: MapChoice, kind: str) -> Picture:
    rows, columns = grey.shape
    laid_over = lettered(blended(grey, overlay(explanation, choice.label, (rows, columns))), sides)
    caption = _("%(map)s: %(finding)s", map=kind, finding=choice.title.lower())
    if not explanation.maps[choice.label].any():
        caption = _("%(map)s: %(finding)s (empty)", map=kind, finding=choice.title.lower())
    return Picture(png(laid_over, LONGEST_SIDE), _sided(_("%(map)s, over the image", map=caption), sides), caption)


def _sided(description: str, sides: Edges) -> str:
    """Return the description of a picture with the letters that stand on it."""
    if not sides.known:
        return description
    return _(
        "%(picture)s (left %(left)s, right %(right)s, top %(top)s, bottom %(bottom)s)",
        picture=description,
        left=sides.left,
        right=sides.right,
        top=sides.top,
        bottom=sides.bottom,
    )
