"""The letters of the patient's sides, written onto a picture that leaves the viewer: on paper nothing turns it back."""

from __future__ import annotations

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL.ImageDraw import ImageDraw
from PIL.ImageFont import truetype

from radiolens.report.fonts import BOLD, FOLDER
from radiolens.web.reading.stack import Edges

__all__ = ["lettered"]

_SHARE = 1 / 20  # of the longer side: 4 mm of a picture that is half a page wide
_LEAST_PX = 10  # below, letters are spots


def lettered(pixels: NDArray[np.uint8], edges: Edges) -> NDArray[np.uint8]:
    """Return a picture, grey (rows, columns) or RGB, with the letters at its edges; the same without letters."""
    rows, columns = pixels.shape[:2]
    size = max(_LEAST_PX, round(_SHARE * max(rows, columns)))
    gap = max(1, size // 4)
    picture = PIL.Image.fromarray(pixels)
    draw, font = ImageDraw(picture), truetype(FOLDER / f"{BOLD}.ttf", size)
    white, black = (255, 0) if picture.mode == "L" else ((255, 255, 255), (0, 0, 0))
    for letters, place, anchor in (
        (edges.left, (gap, rows // 2), "lm"),
        (edges.right, (columns - gap, rows // 2), "rm"),
        (edges.top, (columns // 2, gap), "mt"),
        (edges.bottom, (columns // 2, rows - gap), "mb"),
    ):
        if letters:
            draw.text(place, letters, white, font, anchor, stroke_width=max(1, size // 10), stroke_fill=black)
    return np.asarray(picture)
