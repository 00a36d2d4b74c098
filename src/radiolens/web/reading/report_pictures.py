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
from radiolens.web.reading.case_page import ShownImage
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
    """Return the image and its heat maps as far as this user may see them, or none and why."""
    try:
        decoded = work.image(viewer, case_id, image.image_id)
    except WrongState:
        return (), _("The image was erased, as the site's rules have it. Only its results are kept.")
    except InputError:
        return (), _("The image cannot be shown.")
    explanation = _explanation(work, viewer, case_id, image, shown)
    middle = decoded.slice_indices[len(decoded.slice_indices) // 2]
    grey = display_slice(decoded, explanation.slice_index if explanation else middle)
    plain = Picture(png(grey, LONGEST_SIDE), _("The image as it was sent"), _("The image"))
    if explanation is None:
        return (plain,), ""
    maps = [choice for choice in shown.maps if choice.label in explanation.maps][:MOST_MAPS]
    return (plain, *(_map(grey, explanation, choice.label, choice.title, shown.map_kind) for choice in maps)), ""


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


def _map(grey: NDArray[np.uint8], explanation: Explanation, label: str, title: str, kind: str) -> Picture:
    rows, columns = grey.shape
    laid_over = blended(grey, overlay(explanation, label, (rows, columns)))
    caption = _("%(map)s: %(finding)s", map=kind, finding=title.lower())
    if not explanation.maps[label].any():
        caption = _("%(map)s: %(finding)s (empty)", map=kind, finding=title.lower())
    return Picture(png(laid_over, LONGEST_SIDE), _("%(map)s, over the image", map=caption), caption)
