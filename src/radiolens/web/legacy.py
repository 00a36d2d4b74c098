"""The first design's `/upload/`: one word for one image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from fastapi import APIRouter, Request

from radiolens.errors import BundleError, InputError, UnknownBundle
from radiolens.inference.predict import Predictor
from radiolens.prediction import Prediction
from radiolens.quality import Quality
from radiolens.safety.intended_use import check_age
from radiolens.settings import UPLOAD_CHOICES
from radiolens.tasks import get_task
from radiolens.web.accounts.principal import Permission, requires
from radiolens.web.answers import Answer
from radiolens.web.openapi import BUNDLE_FIELD, LEGACY_PROBLEMS, upload_body
from radiolens.web.problems import HTTPProblem
from radiolens.web.reading.one_off import check_one_off
from radiolens.web.single import answer_one, asked_bundle, input_problem
from radiolens.web.state import answerer_of, settings_of
from radiolens.web.uploads import Upload, received

__all__ = ["check_answers", "router", "upload"]

router = APIRouter()

_CHOICES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"1": ("brain-mri", ""), "2": ("chest-xray", "tuberculosis"), "3": ("chest-xray", "pneumonia")}
)
"""By `choice`: the task, and the finding of it that is asked for."""
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "glioma": "glioma",
        "meningioma": "meningioma",
        "no_tumour": "no_tumor",
        "pituitary": "pituitary",
        "tuberculosis": "Tuberculosis",
        "pneumonia": "Pneumonia",
    }
)
"""The words of the first design, by label."""
_CHOICE = {
    "type": "string",
    "enum": list(UPLOAD_CHOICES),
    "description": "1 brain tumour, 2 tuberculosis, 3 pneumonia.",
}
_BODY = upload_body("data", "The image.", {"choice": _CHOICE, "bundle": BUNDLE_FIELD}, required=("choice",))


@router.post(
    "/upload/",
    tags=["first design"],
    responses=LEGACY_PROBLEMS,
    openapi_extra=_BODY,
    dependencies=[requires(Permission.UPLOAD, streamed=True)],
)
async def upload(request: Request) -> str:
    """Answer one word.

    `choice` 1: glioma, meningioma, no_tumor or pituitary, the most probable; 2: Tuberculosis or Normal; 3: Pneumonia
    or Normal, by the threshold. The network is the one of the field `bundle`, else that of the setting
    `RADIOLENS_UPLOAD_BUNDLES`, else the released one. Use /api/v1/predictions in new programs: it also says how sure
    the answer is, and which network gave it.
    """
    async with received(request, "data") as posted:
        await check_one_off(request, by_program=True)
        choice = posted.fields.get("choice", "").strip()
        if choice not in _CHOICES:
            detail = "The field 'choice' must be 1 (brain tumour), 2 (tuberculosis) or 3 (pneumonia)."
            raise HTTPProblem(422, "Unknown choice", detail)
        task, label = _CHOICES[choice]
        view = partial(_refused_below_age, task=task, label=label)
        answer = await answer_one(request, posted, "data", task, _bundle(request, posted, choice), view)
    if isinstance(answer.result, InputError) or not answer.result.answered:
        refusal = input_problem(answer)
        raise HTTPProblem(422, refusal.title, refusal.detail, refusal.members)
    return _word(answer.result, label)


def check_answers(predictor: Predictor, choice: str, name: str) -> None:
    """Raise UnknownBundle unless the bundle answers what a choice asks for, BundleError if it cannot be used."""
    task, label = _CHOICES[choice]
    bundle = predictor.bundle(task, name)
    if label and label not in bundle.labels:
        found = f"The bundle {name!r} answers {', '.join(bundle.labels)}; choice {choice} asks for {label}."
    elif not label and not bundle.exclusive:
        found = f"The labels of the bundle {name!r} do not exclude one another; choice {choice} asks for one of them."
    else:
        return
    raise UnknownBundle(name, [entry.bundle.name for entry in predictor.shelf.installed.of_task(task)], found, of=task)


def _bundle(request: Request, posted: Upload, choice: str) -> str | None:
    """Return the bundle of the field, else that of the settings; raise HTTPProblem if it does not answer the choice.

    A field that is wrong is the sender's affair (422), what is installed or set is not (503). In no case another
    network answers in its place.
    """
    settings = settings_of(request)
    answerer = answerer_of(request)
    task = _CHOICES[choice][0]
    named = asked_bundle(request, posted, task)
    name = named or settings.upload_bundle(choice)
    default = answerer.predictor.shelf.installed.default(task)
    answering = name or (default.bundle.name if default else None)
    try:
        if answering:  # else it is refused, with the reason
            check_answers(answerer.predictor, choice, answering)
    except BundleError as error:
        if named:
            raise HTTPProblem(422, "Unsuitable bundle", str(error)) from error
        source = "The setting RADIOLENS_UPLOAD_BUNDLES names" if name else "The program has"
        detail = f"{source} a bundle that does not answer the choice. {error}"
        raise HTTPProblem(503, "The program is not set up rightly", detail) from error
    return name


def _refused_below_age(answer: Answer, task: str, label: str) -> Answer:
    """Return a refusal if the patient is too young for the finding that is asked: one word cannot leave it open."""
    if answer.image is None or isinstance(answer.result, InputError) or not answer.result.answered:
        return answer
    problems = tuple(check_age(answer.image, get_task(task), [label] if label else []))
    if not problems:
        return answer
    return replace(answer, result=Prediction(task, None, quality=Quality(problems), seconds=answer.result.seconds))


def _word(prediction: Prediction, label: str) -> str:
    if not label:
        return _WORDS[max(prediction.findings, key=lambda finding: finding.probability).label]
    finding = prediction.finding(label)
    return _WORDS[label] if finding.probability >= finding.threshold else "Normal"
