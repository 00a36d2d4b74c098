"""Reads uploads into memory: nothing of a patient touches the disk."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from radiolens.imaging.archive import Member
from radiolens.settings import Settings

__all__ = ["Upload", "read_upload"]

_MAX_FIELDS = 16


@dataclass(frozen=True)
class Upload:
    """The files and text fields of one request."""

    files: tuple[Member, ...]
    fields: dict[str, str]


class _InMemoryParser(MultiPartParser):
    """Keeps parts in memory up to the size of the largest request, instead of spooling them to disk from 1 MiB on."""

    def __init__(self, request: Request, stream: AsyncGenerator[bytes, None], settings: Settings) -> None:
        self.spool_max_size = settings.max_upload_bytes + 1
        super().__init__(request.headers, stream, max_files=settings.max_files, max_fields=_MAX_FIELDS)


async def read_upload(request: Request, settings: Settings) -> Upload:
    """Return what was posted as multipart; raise HTTPException 413 over the limit, 422 if it is none."""
    limit = settings.max_upload_bytes
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise HTTPException(422, "Expected multipart/form-data with the field `file` or `data`. See /openapi.json.")
    try:
        form = await _InMemoryParser(request, _bounded(request, limit), settings).parse()
    except MultiPartException as error:
        raise HTTPException(422, f"The upload is damaged: {error.message}. Send it again.") from error
    return await _upload(form)


async def _bounded(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > limit:
            raise _too_large(limit)
        yield chunk


async def _upload(form: FormData) -> Upload:
    try:
        entries = form.multi_items()
        files = [
            Member(value.filename or "", await value.read()) for _, value in entries if isinstance(value, UploadFile)
        ]
        fields = {name: value for name, value in entries if isinstance(value, str)}
        return Upload(tuple(member for member in files if member.name or member.data), fields)
    finally:
        await form.close()


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"The upload is larger than {limit / 1e6:.0f} MB. Send fewer or smaller files.")
