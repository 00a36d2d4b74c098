"""What FastAPI cannot know of the routes that read their own bodies: the fields, and the problems, for OpenAPI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from radiolens.inference.predict import AUTO
from radiolens.tasks import TASKS
from radiolens.web.problems import MEDIA_TYPE
from radiolens.web.schemas import InputProblem, ProblemDetails

__all__ = [
    "BUNDLE_FIELD",
    "FILE_PROBLEMS",
    "LEGACY_PROBLEMS",
    "NOT_READY",
    "TASK_FIELD",
    "TASK_NAMES",
    "DescribedAPI",
    "Responses",
    "problem_of",
    "upload_body",
]

Responses = dict[int | str, dict[str, Any]]

_SCHEMAS = "#/components/schemas/"
_FORBIDDEN = "It comes from where it may not, from another site, or from somebody who lacks the permission."
_NOT_SIGNED_IN = "The site has accounts, and the request brings neither a valid API token nor a session."
_TOO_OFTEN = "The account has made too many requests within a minute; `Retry-After` says when to come back."
_STORE = "The database or the working store does not answer."
_FULL = "The disk is full, or the quota of working copies."
_STATE = "state"
"""The tag of what anybody may ask."""
_TOKEN = {"type": "http", "scheme": "bearer", "description": "An API token, made on the page Account."}


TASK_NAMES = (AUTO, *(task.name for task in TASKS))
"""What can be asked for."""

TASK_FIELD = {"type": "string", "enum": list(TASK_NAMES), "default": AUTO, "description": "The study."}
"""Which of them is."""

BUNDLE_FIELD = {
    "type": "string",
    "default": "",  # or the page that describes the interface sends the word "string"
    "description": "The name of the installed bundle that shall answer, as /api/v1/tasks lists them.",
}
"""Which network answers; without it the default of the task."""


def upload_body(
    field: str, description: str, fields: Mapping[str, Mapping[str, Any]], required: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the description of a multipart body with files in `field` and the text `fields`."""
    file = {"type": "string", "format": "binary"}
    schema = {
        "type": "object",
        "required": [field, *required],
        "properties": {field: {"type": "array", "items": file, "description": description}, **fields},
    }
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


class DescribedAPI(FastAPI):
    """An app whose OpenAPI document also has what no route declares: the problems' schemas, and what stands before all.

    That is the guard, and signing in where the site has accounts.
    """

    def openapi(self) -> dict[str, Any]:
        """Return the document; it is made once."""
        if not self.openapi_schema:
            document = super().openapi()
            _add_schemas(document, (ProblemDetails, InputProblem))
            document["components"]["securitySchemes"] = {"token": _TOKEN}
            for operation in _operations(document):
                operation["responses"]["403"] = problem_of(_FORBIDDEN, ProblemDetails)
                if _STATE not in operation.get("tags", ()):
                    _add_accounts(operation)
        return super().openapi()


def _add_accounts(operation: dict[str, Any]) -> None:
    """Say that the operation asks who asks, which the database knows."""
    operation["security"] = [{"token": []}, {}]  # none in single-user mode, or in a page's session
    responses = operation["responses"]
    own = responses.get("503", {}).get("description", "")
    responses |= {
        "401": problem_of(_NOT_SIGNED_IN, ProblemDetails, header=("WWW-Authenticate", "Bearer")),
        "429": problem_of(_TOO_OFTEN, ProblemDetails, header=("Retry-After", "Seconds.")),
        "503": problem_of(f"{own} {_STORE}".strip(), ProblemDetails),
        "507": problem_of(_FULL, ProblemDetails),
    }


def _operations(document: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]


def _add_schemas(document: Mapping[str, Any], models: Sequence[type[BaseModel]]) -> None:
    schemas = document["components"]["schemas"]
    for model in models:
        schema = model.model_json_schema(ref_template=_SCHEMAS + "{model}", mode="serialization")
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema


def problem_of(description: str, *models: type[BaseModel], header: tuple[str, str] | None = None) -> dict[str, Any]:
    """Return the description of an answer that is a problem, of one of these shapes, perhaps with a header."""
    references = [{"$ref": _SCHEMAS + model.__name__} for model in models]
    schema = references[0] if len(references) == 1 else {"anyOf": references}
    found = {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}
    if header:
        name, told = header
        found["headers"] = {name: {"description": told, "required": True, "schema": {"type": "string"}}}
    return found


_UPLOAD_PROBLEMS: Responses = {
    400: problem_of("The sender broke off.", ProblemDetails),
    408: problem_of("The upload stopped midway.", ProblemDetails),
    503: problem_of("Other uploads take all the memory, or the bundle cannot be used.", ProblemDetails),
}
FILE_PROBLEMS: Responses = {
    **_UPLOAD_PROBLEMS,
    413: problem_of("The upload, or what it becomes when decoded, is over a limit.", InputProblem, ProblemDetails),
    415: problem_of("The file is of no known format.", InputProblem),
    422: problem_of("The file cannot be read, or a field is missing or wrong.", InputProblem, ProblemDetails),
}
"""Of the prediction."""
LEGACY_PROBLEMS: Responses = {
    **_UPLOAD_PROBLEMS,
    413: problem_of("The upload is over a limit.", ProblemDetails),
    422: problem_of("The file cannot be read or was refused, or a field is wrong.", InputProblem, ProblemDetails),
}
"""Of the first design's interface."""
NOT_READY: Responses = {503: problem_of("No bundle is installed.", ProblemDetails)}
"""Of the readiness check."""
