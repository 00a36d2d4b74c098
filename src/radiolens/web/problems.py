"""The one error shape: problem details of RFC 9457, with the prediction object's keys where a file was the reason."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from radiolens.errors import InputError, RadiolensError, UnknownTask, UnreadableImage
from radiolens.inference.record import record
from radiolens.quality import ProblemCode

__all__ = ["input_problem", "install", "problem"]

_log = logging.getLogger(__name__)
_STATUS = {ProblemCode.TOO_LARGE: 413}
_UNKNOWN_FORMAT = "The file is "  # how imaging.read begins when it recognises no format


def problem(status: int, title: str, detail: str, extension: Mapping[str, Any] | None = None) -> JSONResponse:
    """Return problem details; `extension` adds members."""
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail, **(extension or {})}
    return JSONResponse(content, status, media_type="application/problem+json")


def input_problem(name: str, error: InputError) -> JSONResponse:
    """Return the problem of an input that cannot be read: 413 over a limit, 415 unknown format, else 422."""
    code = error.code if isinstance(error, UnreadableImage) else ProblemCode.UNREADABLE
    status = _STATUS.get(code, 415 if str(error).startswith(_UNKNOWN_FORMAT) else 422)
    answer = record(name, error)
    return problem(status, "The file cannot be read", str(error), {**answer, "status": status, "outcome": "unreadable"})


def install(app: FastAPI) -> None:
    """Give every error of the app the one shape."""

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, "The request failed", str(error.detail))

    @app.exception_handler(RequestValidationError)
    async def validation(request: Request, error: RequestValidationError) -> JSONResponse:
        fields = ", ".join(".".join(map(str, entry["loc"])) for entry in error.errors())
        return problem(
            422, "The request is incomplete", f"Missing or wrong: {fields}. See /openapi.json for what is expected."
        )

    @app.exception_handler(RadiolensError)
    async def ours(request: Request, error: RadiolensError) -> JSONResponse:
        return problem(422 if isinstance(error, UnknownTask) else 500, "The request failed", str(error))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        _log.error("unexpected error", exc_info=error)
        return problem(500, "Internal error", "Something unexpected happened; the log of the program tells what.")
