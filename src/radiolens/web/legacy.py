"""The first design's `/upload/`: one word for one image."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from fastapi import APIRouter, Request

from radiolens.errors import InputError
from radiolens.prediction import Prediction
from radiolens.web.openapi import LEGACY_PROBLEMS, upload_body
from radiolens.web.problems import HTTPProblem
from radiolens.web.single import answer_one, input_problem
from radiolens.web.uploads import received

__all__ = ["router", "upload"]

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
_CHOICE = {"type": "string", "enum": list(_CHOICES), "description": "1 brain tumour, 2 tuberculosis, 3 pneumonia."}
_BODY = upload_body("data", "The image.", {"choice": _CHOICE}, required=("choice",))


@router.post("/upload/", tags=["first design"], responses=LEGACY_PROBLEMS, openapi_extra=_BODY)
async def upload(request: Request) -> str:
    """Answer one word.

    `choice` 1: glioma, meningioma, no_tumor or pituitary, the most probable; 2: Tuberculosis or Normal; 3: Pneumonia
    or Normal, by the threshold. Use /api/v1/predictions in new programs: it also says how sure the answer is.
    """
    async with received(request, "data") as posted:
        choice = posted.fields.get("choice", "").strip()
        if choice not in _CHOICES:
            detail = "The field 'choice' must be 1 (brain tumour), 2 (tuberculosis) or 3 (pneumonia)."
            raise HTTPProblem(422, "Unknown choice", detail)
        task, label = _CHOICES[choice]
        answer = await answer_one(request, posted, "data", task)
    if isinstance(answer.result, InputError) or not answer.result.answered:
        refusal = input_problem(answer)
        raise HTTPProblem(422, refusal.title, refusal.detail, refusal.members)
    return _word(answer.result, label)


def _word(prediction: Prediction, label: str) -> str:
    if not label:
        return _WORDS[max(prediction.findings, key=lambda finding: finding.probability).label]
    finding = prediction.finding(label)
    return _WORDS[label] if finding.probability >= finding.threshold else "Normal"
