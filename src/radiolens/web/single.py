"""One request, one answer: what the programming interface and the first design's `/upload/` share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fastapi import Request

from radiolens.errors import BundleError, InputError, UnknownBundle, UnreadableImage
from radiolens.inference.lineup import Lineup
from radiolens.inference.predict import AUTO
from radiolens.inference.record import record
from radiolens.locale.translate import gettext as _
from radiolens.quality import ProblemCode
from radiolens.web.answers import Answer
from radiolens.web.openapi import TASK_NAMES
from radiolens.web.problems import HTTPProblem
from radiolens.web.state import answerer_of
from radiolens.web.uploads import Upload

__all__ = ["answer_one", "asked_bundle", "asked_task", "input_problem"]


def asked_task(upload: Upload) -> str:
    """Return the task that a request asks for, `auto` if it names none; raise HTTPProblem 422 for one there is not."""
    asked = upload.fields.get("task", "").strip() or AUTO
    if asked not in TASK_NAMES:
        name, known = repr(asked[:40]), ", ".join(TASK_NAMES)
        detail = _("There is no task %(name)s. Send one of %(known)s.", name=name, known=known)
        raise HTTPProblem(422, _("Unknown task"), detail)
    return asked


def asked_bundle(request: Request, upload: Upload, task: str) -> str | None:
    """Return the name of the bundle that a request asks for, None if it names none.

    Raises HTTPProblem 422 for a bundle that is not installed or answers another task, 503 for one that cannot be used.
    """
    name = upload.fields.get("bundle", "").strip() or None
    answerer = answerer_of(request)
    try:
        answerer.predictor.task_of(task, name)
    except UnknownBundle as error:
        raise HTTPProblem(422, "Unknown bundle", str(error)) from error
    except BundleError as error:
        raise HTTPProblem(503, "The bundle cannot be used", str(error)) from error
    return name


async def answer_one(
    request: Request,
    upload: Upload,
    field: str,
    task: str,
    bundle: str | None,
    view: Callable[[Answer], Answer] = lambda answer: answer,
) -> Answer:
    """Answer an upload that holds one image, volume or series; raise HTTPProblem 422 if it holds none or several.

    `view` sees the answer while the image is still there, and may change it.
    """
    if not upload.files:
        raise HTTPProblem(422, "No image", _no_file(upload, field))
    answerer = answerer_of(request)

    def seen(answer: Answer, _lineup: Lineup) -> Answer:
        return _without_pixels(view(answer))

    (answer,) = await answerer.answer(upload.files, task, seen, bundle=bundle, explain=False, at_most=1)
    return answer


def input_problem(answer: Answer) -> HTTPProblem:
    """Return why there is no answer: 413 over a limit, 415 no known format, 422 otherwise unreadable or refused."""
    content = record(answer.name, answer.result, answer.seconds)
    outcome = {"outcome": content.pop("status")}
    detail = " ".join(entry["message"] for entry in content["problems"])
    if not isinstance(answer.result, InputError):
        return HTTPProblem(422, "The image was refused", detail, outcome | content)
    return HTTPProblem(_status(answer), "The file cannot be read", detail, outcome | content)


def _status(answer: Answer) -> int:
    if isinstance(answer.result, UnreadableImage) and answer.result.code is ProblemCode.TOO_LARGE:
        return 413
    return 422 if answer.known_format else 415


def _no_file(upload: Upload, field: str) -> str:
    if field in upload.fields:
        return f"The field {field!r} came as a text. Send it as a file with a name (with curl: -F {field}=@image.dcm)."
    return f"The field {field!r} is missing. Send the image in it, as a file of multipart/form-data."


def _without_pixels(answer: Answer) -> Answer:
    return replace(answer, image=None)
