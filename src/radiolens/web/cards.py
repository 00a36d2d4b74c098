"""The answer to an upload as the one-off page shows it: its words, and the pictures beside them."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import replace

from radiolens.errors import InputError
from radiolens.explain.overlay import display_slice, overlay, png
from radiolens.image import Image
from radiolens.inference.predict import Predictor
from radiolens.inference.record import record
from radiolens.locale.translate import gettext as _
from radiolens.prediction import Finding, Prediction
from radiolens.profile import Profile
from radiolens.web.answers import Answer
from radiolens.web.profile_note import profile_in_force
from radiolens.web.studies import Study
from radiolens.web.told import Card, HeatMap, tell, tell_refusal, tell_unreadable
from radiolens.worklist.facts import facts_of

__all__ = ["make_card"]


def make_card(answer: Answer, study: Study, predictor: Predictor, profiles: Sequence[Profile] = ()) -> Card:
    """Return what is shown of an answer to a study; `profiles` are those by which `predictor` decides."""
    card = _card(answer, study, predictor, profiles)
    return replace(
        card, token=secrets.token_hex(4), name=answer.name, study=_study_title(answer, study), files=answer.files
    )


def _card(answer: Answer, study: Study, predictor: Predictor, profiles: Sequence[Profile]) -> Card:
    result, image = answer.result, answer.image
    if isinstance(result, InputError) or image is None:
        return tell_unreadable(_problems(answer))
    if not result.answered:
        middle = image.slice_indices[len(image.slice_indices) // 2]
        return replace(tell_refusal(_problems(answer), facts_of(image)), picture=_picture(image, middle))
    study = study.on(result.task)
    facts = facts_of(image, result.explanation)
    installed = predictor.engine(study.task_name, study.bundle).installed
    card = tell(result, facts, study, installed, profile_in_force(profiles, installed.identity))
    if not card.rows:
        return card
    too_young = study.task.labels_below_age(facts.age_years)
    meant = [entry for entry in result.findings if study.shows(entry) and entry.label not in too_young]
    position = image.slice_indices[0] if facts.map_slice is None else facts.map_slice
    maps = _heat_maps(study, result, meant, image)
    return replace(card, picture=_picture(image, position), heat_maps=maps, seconds=answer.seconds)


def _study_title(answer: Answer, study: Study) -> str:
    """Return the study, and of one that the image chose which task it chose."""
    task = answer.result.task if isinstance(answer.result, Prediction) else None
    chosen = study.on(task)
    if chosen == study:
        return study.shown_title
    return _("%(study)s, chosen by the image", study=_(chosen.task.title))


def _problems(answer: Answer) -> tuple[tuple[str, str], ...]:
    return tuple((entry["code"], entry["message"]) for entry in record(answer.name, answer.result)["problems"])


def _heat_maps(study: Study, prediction: Prediction, meant: Sequence[Finding], image: Image) -> tuple[HeatMap, ...]:
    explanation = prediction.explanation
    if explanation is None:
        return ()
    shape = (image.pixels.shape[1], image.pixels.shape[2])
    abnormal = [entry.label for entry in meant if not study.named(entry).normal]
    return tuple(
        HeatMap(
            _(study.task.label(label).title),
            _data_url(png(overlay(explanation, label, shape))),
            empty=not explanation.maps[label].any(),
        )
        for label in abnormal
    )


def _picture(image: Image, slice_index: int) -> str:
    return _data_url(png(display_slice(image, slice_index)))


def _data_url(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"
