"""Downloads one file over HTTP: goes on where it was cut, tries again, and refuses what is not the file expected.

What has come so far lies beside the target as `<name>.part`, with what the server said of it in `<name>.part.json`. It
is gone on with only if the server confirms that the file is the same (If-Range, RFC 9110 13.1.5), else it starts anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from tenacity import RetryCallState, Retrying, retry_if_exception_type
from urllib3.exceptions import HTTPError, MaxRetryError

from radiolens.errors import DatasetError, PeerError

__all__ = ["PATIENCE", "Download", "Patience", "download", "file_sha256"]

_BLOCK_BYTES = 1 << 20
_RESERVE_BYTES = 1 << 28  # left free on the disk, for the system and other programs
_ADDRESS = re.compile(r"https?://[^/\s@?#]+([/?#]\S*)?$", re.IGNORECASE)
_PASSING = (408, 425, 429, 500, 502, 503, 504)  # HTTP statuses that another try may change
_LONGEST_WAIT_S = 300.0
_LONGEST_REASON = 200  # characters of a library's message
_ADVICE = {
    401: "It needs an account",
    403: "It may need an account or an agreement",
    404: "It has moved or is gone",
    410: "It has moved or is gone",
}


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server: for a connection, for the next bytes, and how often without any progress."""

    connect_s: float = 15.0
    read_s: float = 60.0
    tries: int = 5
    first_wait_s: float = 1.0
    """Before the second try; each further one waits twice as long."""


PATIENCE = Patience()
"""What is asked of public servers."""


@dataclass(frozen=True)
class Download:
    """A finished download."""

    file: Path
    file_bytes: int
    sha256: str


@dataclass(frozen=True)
class _Part:
    """What is known of a part: where it came from, the server's mark of that version, and the whole's size."""

    url: str
    validator: str
    total: int | None


class _PassingFailureError(Exception):
    """A failure that another try may mend; `wait_s` is what the server asks for."""

    def __init__(self, message: str, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


def download(
    url: str,
    target: Path,
    *,
    sha256: str = "",
    file_bytes: int | None = None,
    patience: Patience = PATIENCE,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Download:
    """Download `url` to `target` and return what came; an interruption keeps the part for the next call.

    Raises PeerError if the server refuses or fails for good, DatasetError if the size or the SHA-256 is not the one
    expected (the file is removed) or the disk is too full.
    """
    if not _ADDRESS.match(url):
        raise PeerError("only addresses with http:// or https://, and without a password, can be downloaded.", url)
    part = target.with_name(target.name + ".part")
    attempt = _Attempt(url, part, file_bytes, patience, progress)
    target.parent.mkdir(parents=True, exist_ok=True)
    retrying = Retrying(
        retry=retry_if_exception_type((_PassingFailureError, HTTPError)),
        stop=lambda state: attempt.idle >= patience.tries,
        wait=lambda state: _wait_s(state, attempt, patience),
        reraise=True,
    )
    try:
        retrying(attempt.run)
    except (_PassingFailureError, HTTPError) as error:
        raise PeerError(
            f"no answer that lasts, in {patience.tries} tries ({_reason(error)}). What has come is kept; run it again.",
            url,
        ) from error
    return _finished(url, part, target, sha256, file_bytes)


def file_sha256(file: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class _Attempt:
    """One request after the other for the same file; `idle` counts those since the last that brought anything."""

    def __init__(
        self, url: str, part: Path, file_bytes: int | None, patience: Patience, progress: Callable[[int, int], None]
    ) -> None:
        self.idle = 0
        self._url = url
        self._part = part
        self._note = part.with_name(part.name + ".json")
        self._file_bytes = file_bytes
        self._progress = progress
        self._pool = _pool(url, urllib3.Timeout(connect=patience.connect_s, read=patience.read_s))

    def run(self) -> None:
        """Ask for what is missing and append it."""
        self.idle += 1
        known = self._known()
        have = self._part.stat().st_size if known else 0
        headers = {"Accept-Encoding": "identity"}
        if known and have:
            headers |= {"Range": f"bytes={have}-", "If-Range": known.validator}
        response = self._answer(headers)
        try:
            self._check(response, known, have)
            if response.status == 416:  # nothing is missing, as `_check` has seen
                return
            start = have if response.status == 206 else 0
            total = self._total(response, start)
            self._check_space(total, start)
            self._keep(response, start, total)
        finally:
            response.release_conn()
            response.close()

    def _answer(self, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        try:
            return self._pool.request("GET", self._url, headers=headers, preload_content=False)
        except MaxRetryError as error:
            if "CERTIFICATE_VERIFY_FAILED" not in str(error.reason):
                raise
            raise PeerError(
                "nobody known here vouches for its certificate. Check the address; if a proxy of your network signs "
                "connections, give its certificate in SSL_CERT_FILE.",
                self._url,
            ) from error

    def _known(self) -> _Part | None:
        """Return what is known of the part, None if there is none that can be gone on with."""
        try:
            known = _Part(**json.loads(self._note.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        usable = known.url == self._url and bool(known.validator) and self._part.is_file()
        return known if usable else None

    def _check(self, response: urllib3.BaseHTTPResponse, known: _Part | None, have: int) -> None:
        _refuse_downgrade(self._url, response)
        if response.status in _PASSING:
            raise _PassingFailureError(f"HTTP status {response.status}", _asked_wait_s(response))
        if response.status == 416:
            if known is None or known.total != have:
                self._part.unlink(missing_ok=True)
                raise _PassingFailureError("the server has less than came before")
            return
        if response.status not in (200, 206):
            advice = _ADVICE.get(response.status, "It cannot be had")
            raise PeerError(f"HTTP status {response.status}. {advice}; look at its page.", self._url, response.status)
        if response.status == 206 and _range_start(response) != have:
            self._part.unlink(missing_ok=True)
            raise _PassingFailureError("the server sent another part than asked for")

    def _total(self, response: urllib3.BaseHTTPResponse, start: int) -> int | None:
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isdigit() else self._file_bytes
        if self._file_bytes is not None and total != self._file_bytes:
            raise DatasetError(
                f"{self._url}: the server has {total} bytes, expected {self._file_bytes}: it is another file."
            )
        return total

    def _check_space(self, total: int | None, start: int) -> None:
        free = shutil.disk_usage(self._part.parent).free
        if (total or 0) - start > free - _RESERVE_BYTES:
            coming = max((total or 0) - start, 0)
            raise DatasetError(
                f"{self._part.parent}: {coming / 1e9:.1f} GB are to come, {free / 1e9:.1f} GB are free, of which "
                f"{_RESERVE_BYTES / 1e9:.1f} GB stay so. Make room, or choose another disk."
            )

    def _keep(self, response: urllib3.BaseHTTPResponse, start: int, total: int | None) -> None:
        note = json.dumps(asdict(_Part(self._url, _validator(response), total)))
        self._note.write_text(note, encoding="utf-8")
        with self._part.open("ab" if start else "wb") as stream:
            done = start
            for block in response.stream(_BLOCK_BYTES, decode_content=False):
                done += len(block)
                self._refuse_excess(done, total)
                _write(stream, block)
                self.idle = 0
                self._progress(done, max(total or 0, done))

    def _refuse_excess(self, done: int, total: int | None) -> None:
        if total is not None and done > total:
            self._part.unlink()
            raise DatasetError(f"{self._url}: more came than the {total} bytes announced. It is not kept.")
        if total is None:
            self._check_space(None, 0)


def _pool(url: str, timeout: urllib3.Timeout) -> urllib3.PoolManager:
    """Return what connects, through the proxy of the environment if there is one for this address."""
    # The loop outside tries again, since it can go on in the middle; urllib3 follows redirections.
    retries = urllib3.Retry(connect=0, read=0, other=0, redirect=10)
    parts = urlsplit(url)
    proxy = None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme.lower())
    if proxy:
        return urllib3.ProxyManager(proxy, timeout=timeout, retries=retries)
    return urllib3.PoolManager(timeout=timeout, retries=retries)


def _write(stream: IO[bytes], block: bytes) -> None:
    try:
        stream.write(block)
        stream.flush()
    except OSError as error:
        raise DatasetError(f"{stream.name}: cannot be written ({error.strerror}). What has come is kept.") from error


def _finished(url: str, part: Path, target: Path, sha256: str, file_bytes: int | None) -> Download:
    found, size = file_sha256(part), part.stat().st_size
    wrong = [
        f"{name} {have}, expected {want}"
        for name, have, want in (("SHA-256", found, sha256), ("size", size, file_bytes))
        if want not in ("", None, have)
    ]
    part.with_name(part.name + ".json").unlink(missing_ok=True)
    if wrong:
        part.unlink()
        raise DatasetError(
            f"{url}: found {' and '.join(wrong)}. It is another file than the one listed, or was damaged on the way, "
            "and is removed. Compare with the page of the data set before you trust another checksum."
        )
    os.replace(part, target)
    return Download(target, size, found)


def _validator(response: urllib3.BaseHTTPResponse) -> str:
    """Return the server's mark of this version; a weak ETag is none for If-Range (RFC 9110 13.1.5)."""
    etag = response.headers.get("ETag", "")
    return etag if etag.startswith('"') else response.headers.get("Last-Modified", "")


def _range_start(response: urllib3.BaseHTTPResponse) -> int | None:
    match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    return int(match[1]) if match else None


def _refuse_downgrade(url: str, response: urllib3.BaseHTTPResponse) -> None:
    """Raise PeerError if an encrypted address led to one that is not: what came could be anyone's."""
    steps = response.retries.history if response.retries else ()
    if url.lower().startswith("https:") and any((step.redirect_location or "").startswith("http:") for step in steps):
        raise PeerError("it redirects from https to http, which nobody vouches for.", url)


def _asked_wait_s(response: urllib3.BaseHTTPResponse) -> float | None:
    text = response.headers.get("Retry-After", "")
    return min(float(text), _LONGEST_WAIT_S) if text.isdigit() else None


def _wait_s(state: RetryCallState, attempt: _Attempt, patience: Patience) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked = error.wait_s if isinstance(error, _PassingFailureError) else None
    return min(patience.first_wait_s * 2.0 ** max(0, attempt.idle - 1), _LONGEST_WAIT_S) if asked is None else asked


def _reason(error: Exception) -> str:
    cause = error.reason if isinstance(error, MaxRetryError) and error.reason else error
    return f"{type(cause).__name__}: {cause}"[:_LONGEST_REASON] if isinstance(error, HTTPError) else str(error)
