"""The problems of the work list's routes, for the OpenAPI document."""

from __future__ import annotations

from radiolens.web.openapi import Responses, problem_of
from radiolens.web.schemas import ProblemDetails

__all__ = ["CHANGED", "FOUND", "LISTED", "SENT"]

_STORE: Responses = {503: problem_of("The database or the working store does not answer.", ProblemDetails)}

LISTED: Responses = {**_STORE, 422: problem_of("A parameter is wrong.", ProblemDetails)}
"""Of a list."""

FOUND: Responses = {**LISTED, 404: problem_of("There is no such case.", ProblemDetails)}
"""Of one case."""

CHANGED: Responses = {
    **FOUND,
    409: problem_of("The case is closed, still waits, or its answer is not revealed yet.", ProblemDetails),
}
"""Of a change to a case."""

SENT: Responses = {
    **_STORE,
    400: problem_of("The sender broke off.", ProblemDetails),
    408: problem_of("The upload stopped midway.", ProblemDetails),
    413: problem_of("The upload is over a limit.", ProblemDetails),
    422: problem_of("Nothing could be accepted, or a field is wrong.", ProblemDetails),
    507: problem_of("The disk or the quota is full.", ProblemDetails),
}
"""Of an upload."""
