"""The log of the app: text or JSON lines on standard error, without anything of a patient.

What could carry a file's name or a header's value is left out where it arises: a request is told by the pattern of its
path, an exception by its kind and the lines of code it went through, never by its message. Libraries, which say what
they please, are heard only when they fail, and then without their words.
"""

from __future__ import annotations

import logging
import sys
import time
import traceback
import uuid
from datetime import UTC, datetime
from types import TracebackType
from typing import TextIO

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from radiolens.settings import LogFormat

__all__ = ["REQUEST_ID", "RequestLog", "configure"]

REQUEST_ID = "X-Request-ID"

_OWN = ("radiolens", "uvicorn", "alembic")
_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_NO_FIELDS = [*RESERVED_ATTRS, "color_message"]
"""Of uvicorn, for terminals."""
_FIELDS = {"asctime": "time", "levelname": "level", "name": "logger"}

_LEFT_OUT = "a library failed; its words are left out, since they may tell of a patient"

_log = logging.getLogger(__name__)


def configure(form: LogFormat, level: str, stream: TextIO | None = None) -> None:
    """Send the log of this process to `stream` (standard error) in this form, from this level on."""
    handler = _OwnWords(stream or sys.stderr)
    handler.setFormatter(_JsonLines() if form is LogFormat.JSON else _TextLines())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    for name in _OWN:
        logging.getLogger(name).setLevel(level.upper() if name != "alembic" else logging.WARNING)


class RequestLog:
    """ASGI middleware: a line for each request when it ended, and a random number of it in the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and log it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told = {"request_id": uuid.uuid4().hex, "method": scope["method"], "status": 500}

        async def with_number(message: Message) -> None:
            if message["type"] == "http.response.start":
                told["status"] = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = str(told["request_id"])
            await send(message)

        begin = time.perf_counter()
        try:
            await self._app(scope, receive, with_number)
        finally:
            told["route"] = getattr(scope.get("route"), "path", "")
            told["milliseconds"] = round((time.perf_counter() - begin) * 1000)
            _log.info("%(method)s %(route)s %(status)s in %(milliseconds)s ms [%(request_id)s]", told, extra=told)


class _OwnWords(logging.StreamHandler[TextIO]):
    """Writes the program's own records; of a library only that it failed."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or its bare bones, or nothing."""
        if record.name.split(".")[0] not in _OWN:
            if record.levelno < logging.ERROR:
                return
            record = logging.makeLogRecord(record.__dict__)  # another handler may still need the first one
            record.msg, record.args = _LEFT_OUT, ()
        super().emit(record)


def _code_lines(error: BaseException) -> str:
    """Return the kind of an exception and of those behind it, with the lines of code they went through."""
    behind = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = f"{_code_lines(behind)}\n" if behind is not None else ""
    frames = "".join(traceback.format_tb(error.__traceback__)).rstrip()
    return f"{before}{frames}\n{type(error).__module__}.{type(error).__qualname__}"


_Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class _Moments(logging.Formatter):
    """Writes moments in UTC with milliseconds, and exceptions without their messages."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802  logging's own name
        """Return the moment as ISO 8601 has it."""
        return f"{datetime.fromtimestamp(record.created, UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"

    def formatException(self, ei: _Raised) -> str:  # noqa: N802  logging's own name
        """Return the lines of code."""
        return _code_lines(ei[1]) if ei[1] else ""


class _TextLines(_Moments):
    """`time level logger: message`."""

    def __init__(self) -> None:
        super().__init__(_TEXT)


class _JsonLines(_Moments, JsonFormatter):
    """An object a line: `time`, `level`, `logger`, `message`, perhaps `exc_info`, and of a request its fields."""

    def __init__(self) -> None:
        JsonFormatter.__init__(self, _TEXT, rename_fields=_FIELDS, reserved_attrs=_NO_FIELDS, json_ensure_ascii=False)
