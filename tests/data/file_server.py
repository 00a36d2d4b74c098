"""A real HTTP server on localhost that can be made to misbehave, for tests of downloads."""

from __future__ import annotations

import hashlib
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Behaviour:
    """What the server does; `log` are the headers of the requests it got."""

    content: bytes = b""
    ranges: bool = True
    """Whether it answers parts."""
    validator: str = "etag"
    """How it marks a version: etag, weak, modified or nothing."""
    cut_after: list[int] = field(default_factory=list)
    """For each of the next answers, after how many bytes the connection breaks."""
    statuses: list[int] = field(default_factory=list)
    """For each of the next answers, the status of a refusal."""
    headers: dict[str, str] = field(default_factory=dict)
    """Added to refusals and redirections."""
    moved_to: str = "/file.bin"
    """Where /moved redirects to."""
    announce_length: bool = True
    wrong_start: bool = False
    """Answers a part, but another than asked for."""
    wait_s: float = 0.0
    """Between the first half of the content and the second, at most until the server stops."""
    stopped: threading.Event = field(default_factory=threading.Event)
    log: list[dict[str, str]] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    behaviour: Behaviour

    def do_GET(self) -> None:
        does = self.behaviour
        does.log.append(dict(self.headers))
        if does.statuses:
            self._refuse(does.statuses.pop(0))
            return
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", does.moved_to)
            self.end_headers()
            return
        start = self._start()
        if start is None:
            self._refuse(416)
            return
        self.send_response(206 if start else 200)
        if start:
            shown = start + 1 if does.wrong_start else start
            self.send_header("Content-Range", f"bytes {shown}-{len(does.content) - 1}/{len(does.content)}")
        self._send(does.content[start:])

    def _start(self) -> int | None:
        """Return where the answer begins: 0 for the whole; None if it would begin behind the end."""
        does, asked = self.behaviour, re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        mark = self.headers.get("If-Range", "")
        if not does.ranges or not asked or mark not in self._marks().values() or mark.startswith("W/"):
            return 0
        return int(asked[1]) if int(asked[1]) < len(does.content) else None

    def _marks(self) -> dict[str, str]:
        digest = hashlib.sha256(self.behaviour.content).hexdigest()[:12]
        moment = f"Mon, 01 Jan 2024 00:00:{int(digest, 16) % 60:02d} GMT"
        return {
            "etag": {"ETag": f'"{digest}"'},
            "weak": {"ETag": f'W/"{digest}"', "Last-Modified": moment},
            "modified": {"Last-Modified": moment},
            "nothing": {},
        }[self.behaviour.validator]

    def _send(self, body: bytes) -> None:
        does = self.behaviour
        for name, value in self._marks().items():
            self.send_header(name, value)
        if does.announce_length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if does.cut_after:
            self.wfile.write(body[: does.cut_after.pop(0)])
            self.wfile.flush()
            self.close_connection = True
            return
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        does.stopped.wait(does.wait_s)
        self.wfile.write(body[len(body) // 2 :])

    def _refuse(self, status: int) -> None:
        self.send_response(status)
        for name, value in self.behaviour.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  as the library names it
        """Keep quiet."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet about clients that left."""


@contextmanager
def file_server(behaviour: Behaviour, certificate: Path | None = None) -> Iterator[str]:
    """Run a server, with TLS if there is a certificate (with its key), and give its address, without a last slash."""
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"behaviour": behaviour}))
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_address[1]}"
    finally:
        behaviour.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()
