"""The app for tests: in this process, or as a program of its own; and what is sent to it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
import numpy as np
import PIL.Image
from numpy.typing import NDArray
from starlette.testclient import TestClient

from radiolens.settings import Settings
from radiolens.web.app import create_app
from tests.phantoms import MR, chest_film, dicom, head_slice
from tests.ports import free_port

LOCAL = "http://127.0.0.1:8000"
SERIES_UID = "1.2.826.0.1.3680043.8.498.77"
CHEAP_KIB = 64
"""Of memory for a password's hash: tests compute many."""
START_SECONDS = 180.0  # under the load of a whole suite; an idle machine needs three


def png(pixels: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    PIL.Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def film(seed: int = 0) -> NDArray[np.uint8]:
    """Return the grey levels of a chest film, another one for each seed."""
    return np.rint(chest_film(seed=seed) * 255).astype(np.uint8)


def large_file(megabytes: int) -> bytes:
    """Return a readable film of a few megapixels that has this many megabytes, most of them behind its end."""
    content = png(film())
    return content + bytes(megabytes * 1_000_000 - len(content))


def head_series(count: int = 5, uid: str = SERIES_UID) -> list[bytes]:
    """Return the files of an MR series of the head."""
    return [
        dicom(
            (head_slice(height=(2 * number + 1) / count - 1) + 1000).astype(np.uint16),
            SOPClassUID=MR,
            Modality="MR",
            BodyPartExamined="HEAD",
            SeriesInstanceUID=uid,
            SOPInstanceUID=f"{uid}.{number + 1}",
            InstanceNumber=number + 1,
            ImagePositionPatient=[0, 0, 5 * number],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            PixelSpacing=[1, 1],
        )
        for number in range(count)
    ]


@contextmanager
def local_client(**settings: Any) -> Iterator[TestClient]:  # noqa: ANN401  any setting
    """Run the app in this process, with a home of its own unless one is given; the client is on this computer."""
    with ExitStack() as stack:
        if "home" not in settings:
            settings["home"] = Path(stack.enter_context(TemporaryDirectory()))
        app = create_app(Settings(password_memory_kib=CHEAP_KIB, **settings))
        yield stack.enter_context(TestClient(app, base_url=LOCAL, client=("127.0.0.1", 1)))


@dataclass(frozen=True)
class Server:
    """A running `radiolens serve`."""

    process: subprocess.Popen[bytes]
    port: int
    log_file: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8")

    def post(self, content: bytes, name: str = "a.png", task: str = "chest-xray") -> httpx2.Response:
        """Ask for a prediction."""
        address, files = f"{self.address}/api/v1/predictions", {"file": (name, content)}
        return httpx2.post(address, files=files, data={"task": task}, timeout=START_SECONDS)


SERVE = (sys.executable, "-m", "radiolens", "serve")


@contextmanager
def serving(
    folder: Path, environment: Mapping[str, str] | None = None, command: Sequence[str] = SERVE
) -> Iterator[Server]:
    """Run the app with `folder` as its working folder until the block ends."""
    log_file, port = folder / "server.log", free_port()
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=folder,
            env={
                **os.environ,
                "RADIOLENS_HOME": str(folder),
                "RADIOLENS_PASSWORD_MEMORY_KIB": str(CHEAP_KIB),
                **(environment or {}),
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    server = Server(process, port, log_file)
    try:
        _wait(server)
        yield server
    finally:
        process.kill()
        process.wait()


def _wait(server: Server) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.process.poll() is None:
        try:
            if httpx2.get(f"{server.address}/readyz").status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"the server did not start:\n{server.log()}")
