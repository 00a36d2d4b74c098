"""Reads uploads into memory: nothing of a patient touches the disk."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from radiolens.imaging.archive import Member
from radiolens.locale.translate import N_
from radiolens.locale.translate import gettext as _
from radiolens.settings import Settings
from radiolens.web.accounts.csrf import check_field
from radiolens.web.budget import ByteBudget
from radiolens.web.problems import HTTPProblem
from radiolens.web.state import settings_of

__all__ = ["Upload", "received"]

_MAX_FIELDS = 16
_IDLE_SECONDS = 30.0  # between two pieces; a sender that stopped must not keep its share of the memory
_DRAINED_LIMITS = 4  # so many times the limit is read and dropped: a client that is cut off never sees the answer


@dataclass(frozen=True)
class Upload:
    """The files of the field that was asked for, and the text fields, of one request.

    `files` is a list, so that whoever unpacks an archive can let go of it.
    """

    files: list[Member]
    fields: Mapping[str, str]


@asynccontextmanager
async def received(request: Request, field: str) -> AsyncIterator[Upload]:
    """Receive a multipart request into memory, and keep its share of the memory while the upload is in use.

    Raises HTTPProblem: 413 over a limit, 422 if it is damaged or not multipart, 400 or 408 if it breaks off or stops,
    403 if it has to bring a CSRF token and does not, 503 if other uploads leave no memory.
    """
    settings = settings_of(request)
    budget: ByteBudget = request.app.state.upload_budget
    size = await _checked_size(request, settings.max_upload_bytes)
    async with budget.hold(size):
        upload = await _read(request, field, settings)
        check_field(request, upload.fields)
        yield upload


async def _checked_size(request: Request, limit: int) -> int:
    """Return the bytes that the request may take: what it declares, or the limit if it declares nothing."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        detail = _("Expected multipart/form-data with the image as a file. The fields are described at /docs.")
        raise HTTPProblem(422, _("The request is no upload"), detail)
    declared = request.headers.get("content-length", "")
    if not declared.isdigit():
        return limit
    if int(declared) > limit:
        await _drain(request, _DRAINED_LIMITS * limit)
        raise _too_large(limit)
    return int(declared)


async def _drain(request: Request, most: int) -> None:
    if request.headers.get("expect", "").lower() == "100-continue":
        return  # the client waits for leave to send anything
    count = 0
    async for chunk in _pieces(request):
        count += len(chunk)
        if count > most:
            return


async def _read(request: Request, field: str, settings: Settings) -> Upload:
    parser = _InMemoryParser(request, _bounded(request, settings.max_upload_bytes), settings)
    try:
        form = await parser.parse()
        if len(parser.begun) > sum(isinstance(value, UploadFile) for _, value in form.multi_items()):
            raise HTTPProblem(
                422, _("The upload is incomplete"), _("The upload ends in the middle of a file. Send it again.")
            )
        return _upload(form, field)
    except MultiPartException as error:
        if len(parser.begun) == settings.max_files:
            told = N_("One request may hold %(most)s files. Send fewer at a time, or a series as a zip.")
            detail = _(told, most=settings.max_files)
            raise HTTPProblem(413, _("Too many files"), detail) from error
        detail = _("The upload is damaged (%(reason)s). Send it again.", reason=error.message.rstrip("."))
        raise HTTPProblem(422, _("The upload is damaged"), detail) from error
    finally:
        for file in parser.begun:
            file.file.close()


class _InMemoryParser(MultiPartParser):
    """Keeps parts in memory up to the size of the largest request, instead of spooling them to disk from 1 MiB on.

    `begun` are the files whose beginning has arrived.
    """

    def __init__(self, request: Request, stream: AsyncGenerator[bytes, None], settings: Settings) -> None:
        self.spool_max_size = settings.max_upload_bytes + 1
        self.begun: list[UploadFile] = []
        super().__init__(request.headers, stream, max_files=settings.max_files, max_fields=_MAX_FIELDS)

    def on_headers_finished(self) -> None:
        """Note a file, since Starlette forgets one that does not end."""
        super().on_headers_finished()
        if self._current_part.file:
            self.begun.append(self._current_part.file)


async def _bounded(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    received_bytes = 0
    async for chunk in _pieces(request):
        received_bytes += len(chunk)
        if received_bytes > limit:
            raise _too_large(limit)
        yield chunk


async def _pieces(request: Request) -> AsyncGenerator[bytes, None]:
    stream = request.stream()
    while True:
        try:
            with anyio.fail_after(_IDLE_SECONDS):
                chunk = await anext(stream, None)
        except TimeoutError as error:
            told = N_("Nothing arrived for %(seconds)s seconds. Check the connection and send it again.")
            detail = _(told, seconds=f"{_IDLE_SECONDS:.0f}")
            raise HTTPProblem(408, _("The upload stopped"), detail) from error
        except ClientDisconnect as error:
            detail = _("The sender ended the connection. Send it again.")
            raise HTTPProblem(400, _("The upload broke off"), detail) from error
        if chunk is None:
            return
        yield chunk


def _upload(form: FormData, field: str) -> Upload:
    """Take the files out of the form; each is closed at once, so that it is in memory twice only for a moment."""
    files: list[Member] = []
    fields: dict[str, str] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            fields[name] = value
            continue
        with value.file as stream:
            data = stream.read() if name == field else b""
        if name == field and (value.filename or data):  # a form without a chosen file sends an empty one
            files.append(Member(_printable(value), data))
    return Upload(files, fields)


def _printable(value: UploadFile) -> str:
    """Return the file's name; what cannot be written as UTF-8 (a charset of a hostile sender) becomes a mark."""
    return (value.filename or "").encode("utf-8", "replace").decode()


def _too_large(limit: int) -> HTTPProblem:
    told = N_("The upload is larger than %(most)s MB. Send fewer or smaller files at a time.")
    return HTTPProblem(413, _("The upload is too large"), _(told, most=f"{limit / 1e6:.0f}"))
