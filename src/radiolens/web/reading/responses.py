"""The answers of the work list's routes that FastAPI cannot know, for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from radiolens.web.openapi import Responses, problem_of
from radiolens.web.schemas import ProblemDetails

__all__ = ["CHANGED", "FOUND", "LISTED", "SENT", "TABLE", "TOLD"]

_CASE = "/api/v1/cases/{case_id}"
_OF_A_CASE = (
    ("get", _CASE),
    ("get", f"{_CASE}/progress"),
    ("post", f"{_CASE}/answers"),
    ("post", f"{_CASE}/diagnoses"),
    ("post", f"{_CASE}/close"),
    ("post", f"{_CASE}/erase"),
)


def _links(operations: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return where the number of the first case in an answer leads."""
    return {
        path.removeprefix(_CASE).strip("/") or "case": {
            "operationRef": f"#/paths/{path.replace('/', '~1')}/{method}",
            "parameters": {"case_id": "$response.body#/cases/0/case_id"},
        }
        for method, path in operations
    }


LISTED: Responses = {422: problem_of("A parameter is wrong.", ProblemDetails)}
"""Of a list."""

TABLE: Responses = {
    **LISTED,
    200: {
        "description": "The table, with a row of names first.",
        "content": {"text/csv": {"schema": {"type": "string"}}},
        "headers": {"Content-Disposition": {"required": True, "schema": {"type": "string"}}},
    },
}
"""Of a list as CSV."""

FOUND: Responses = {**LISTED, 404: problem_of("There is no such case.", ProblemDetails)}
"""Of one case."""

CHANGED: Responses = {
    **FOUND,
    409: problem_of("The case is closed, still waits, or its answer is not revealed yet.", ProblemDetails),
}
"""Of a change to a case."""

TOLD: Responses = {**CHANGED, 413: problem_of("What is said is too long.", ProblemDetails)}
"""Of a change to a case that comes with an object."""

SENT: Responses = {
    202: {"links": _links(_OF_A_CASE)},
    400: problem_of("The sender broke off.", ProblemDetails),
    408: problem_of("The upload stopped midway.", ProblemDetails),
    413: problem_of("The upload is over a limit.", ProblemDetails),
    422: problem_of("Nothing could be accepted, or a field is wrong.", ProblemDetails),
    503: problem_of("Other uploads take all the memory, or the named network cannot be used.", ProblemDetails),
}
"""Of an upload."""
