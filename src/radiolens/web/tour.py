"""The one-minute tour: for some pages the places to look at, in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from radiolens.locale.translate import N_
from radiolens.web.accounts.redirects import root_of

__all__ = ["TOURS", "Tour", "TourStep", "tour_context"]


@dataclass(frozen=True)
class TourStep:
    """One place of a page: `target` is its CSS selector; where the page has none, the step is left out."""

    target: str
    title: str
    text: str


@dataclass(frozen=True)
class Tour:
    """The tour of a page; `name` is what a browser remembers it by, `path` a pattern of its address.

    `offered` on a page where somebody begins: a reader who has not seen it is asked.
    """

    name: str
    path: re.Pattern[str]
    offered: bool
    steps: tuple[TourStep, ...]


TOURS = (
    Tour(
        "cases",
        re.compile(r"/cases"),
        True,
        (
            TourStep(
                "#upload",
                N_("Add images here"),
                N_("Choose files, a folder or a zip, or drop them anywhere. Names are not kept."),
            ),
            TourStep(
                "#cases",
                N_("The cases"),
                N_("Each line is a patient. The most urgent stand first; the network fills them in while you work."),
            ),
            TourStep(
                ".filters",
                N_("Find a case"),
                N_("Show what is unread, suspected, or of one study, and take the table along as CSV."),
            ),
            TourStep(
                "nav.frame",
                N_("Everything else"),
                N_("Help for your role is always here, as are language, and dark or light. Now open a case."),
            ),
        ),
    ),
    Tour(
        "case",
        re.compile(r"/cases/[0-9a-f-]+"),
        False,
        (
            TourStep(
                ".viewer",
                N_("Read the image first"),
                N_("Drag to change brightness, turn the wheel for slices or size. Its keys are listed below."),
            ),
            TourStep(
                "#panel",
                N_("Your answer, and the network's"),
                N_("Agree with it, or say what you see differently. Its limits for this patient stand there, too."),
            ),
            TourStep(
                "#next",
                N_("Report and close"),
                N_("Make the report, attach the final diagnosis, then close the case: its images are erased."),
            ),
        ),
    ),
    Tour(
        "start",
        re.compile(r"/"),
        True,
        (
            TourStep(
                "form .studies",
                N_("What to look for"),
                N_("Choose the study. If you are not sure, let the image decide."),
            ),
            TourStep(
                "#drop",
                N_("Your image"),
                N_("Choose it here, or drop it anywhere on the page. It is not kept."),
            ),
            TourStep(
                "#results",
                N_("The answer"),
                N_("It appears here in a few seconds: what is suspected, how likely it is, and where the limits are."),
            ),
            TourStep(
                "nav.frame",
                N_("More"),
                N_("To keep cases and compare with your own reading, use the work list. Help is here, too."),
            ),
        ),
    ),
)


def tour_context(request: Request) -> dict[str, Any]:
    """Return what every template is given: the tour of its page, None if it has none."""
    path = request.url.path.removeprefix(root_of(request)) or "/"
    return {"tour": next((tour for tour in TOURS if tour.path.fullmatch(path)), None)}
