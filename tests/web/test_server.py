"""The app as a program of its own: what it writes, what it tells, what it holds, and how it ends."""

from __future__ import annotations

import base64
import io
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray

from tests.phantoms import dicom
from tests.process_tree import PeakMemory, children, descriptors, is_alive, needs_proc, until, zombies
from tests.project.source_tree import ROOT
from tests.web.serving import START_SECONDS, Server, film, large_file, png, serving

MEMORY_BYTES = 1_200_000_000
"""Server and children together, the bound of the specification."""
HEALTH_SECONDS = 2.0
"""Of waiting for an answer that takes milliseconds; a blocked event loop would need as long as the upload."""
UVICORN = (sys.executable, "-m", "uvicorn", "main:app", "--app-dir", str(ROOT))


@contextmanager
def no_file_may_grow(pid: int) -> Iterator[None]:
    """Let the kernel refuse every byte that a process, or a child it starts, writes to any file."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # it ended
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def suspended(pid: int) -> Iterator[None]:
    """Let a process do nothing while the block runs."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@needs_proc
def test_an_upload_of_20_mb_is_answered_where_no_file_can_be_written(tmp_path: Path) -> None:
    temporary, working = tmp_path / "tmp", tmp_path / "work"
    temporary.mkdir()
    working.mkdir()
    content = large_file(20)
    with serving(working, {"TMPDIR": str(temporary)}) as server:
        before = sorted(working.rglob("*"))
        with no_file_may_grow(server.process.pid):
            assert server.post(content).json()["status"] == "answered"
            sent = {"file": ("a.png", content)}
            page = httpx2.post(f"{server.address}/", files=sent, data={"study": "chest"}, timeout=START_SECONDS)
        assert page.text.count("<article") == 1
        assert list(temporary.iterdir()) == []
        assert sorted(working.rglob("*")) == before


@needs_proc
def test_the_kernel_would_have_refused_a_spooled_upload() -> None:
    spool = (
        "import sys, tempfile; file = tempfile.SpooledTemporaryFile(1000); print('ready', flush=True); "
        "sys.stdin.readline(); file.write(bytes(5000)); file.flush()"
    )
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", spool], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert process.stdout
    process.stdout.readline()
    with no_file_may_grow(process.pid):
        _, error = process.communicate("go\n", timeout=START_SECONDS)
    assert process.returncode == 1
    assert re.search("File too large|No usable temporary directory", error)


def pictures(page: str) -> list[NDArray[np.uint8]]:
    """Return the images on a page, heat maps left out."""
    found = re.findall(r'<img src="data:image/png;base64,([^"]+)"', page)
    return [np.asarray(PIL.Image.open(io.BytesIO(base64.b64decode(text)))) for text in found]


def test_people_who_ask_at_the_same_time_each_get_their_own_image(server: Server) -> None:
    films = [film(seed) for seed in range(12)]

    def ask(number: int) -> str:
        files = {"file": (f"{number}.png", png(films[number]))}
        headers = {"X-Requested-With": "radiolens"}
        return httpx2.post(
            f"{server.address}/", files=files, data={"study": "chest"}, headers=headers, timeout=START_SECONDS
        ).text

    with ThreadPoolExecutor(6) as people:
        pages = list(people.map(ask, range(12)))
    for number, page in enumerate(pages):
        (shown,) = pictures(page)
        assert np.array_equal(shown, films[number])
        assert re.findall(r"<bdi>(.*?)</bdi>", page) == [f"{number}.png"]


def test_the_log_tells_nothing_of_a_patient_or_a_file(tmp_path: Path) -> None:
    with serving(tmp_path, command=UVICORN) as server:  # whose access log is on
        named = dicom(film(), PatientName="Doe^Jane", PatientID="ID-Q-4711", SeriesDescription="Jane's chest")
        for content in (png(film()), b"no image", named, named[:2000], png(film())[:300]):
            server.post(content, name="Jane Doe b.1970.dcm")
        httpx2.get(f"{server.address}/Jane%20Doe", timeout=START_SECONDS)
        log = server.log()
    assert "POST /api/v1/predictions" in log
    content_of_it = log.replace("/Jane%20Doe", "")  # an address that somebody typed
    # None of these can stand in a port, a time or the random id of a request.
    assert not re.search(r"Jane|Doe|Q-4711|b\.1970|chest|Traceback", content_of_it)


def test_what_whoever_runs_it_should_know_stands_in_the_log_and_on_the_page(tmp_path: Path) -> None:
    for name in ("braintumor.h5", "pneumonia_model.h5", "other.h5"):
        (tmp_path / name).write_bytes(b"not to be opened")
    with serving(tmp_path) as server:
        log, page = server.log(), httpx2.get(server.address, timeout=START_SECONDS).text
    for text in (log, page):
        assert re.search(r"braintumor\.h5.*It is not opened or used.*radiolens import-h5 braintumor\.h5", text)
        assert re.search(r"radiolens import-h5 pneumonia_model\.h5", text)
        assert "Tuberculosis_model" not in text
        assert "other.h5" not in text


def test_who_lets_others_in_without_accounts_is_told_and_nobody_is_answered(tmp_path: Path) -> None:
    with serving(tmp_path, {"RADIOLENS_ALLOW_REMOTE": "true"}) as server:
        assert "there are no accounts: nobody else is answered" in server.log()
        assert httpx2.get(f"{server.address}/api/v1/tasks", timeout=START_SECONDS).status_code == 401


def test_networks_of_the_first_design_are_never_opened(tmp_path: Path) -> None:
    for name in ("braintumor.h5", "Tuberculosis_model.h5", "pneumonia_model.h5"):
        (tmp_path / name).write_bytes(b"not to be opened")
    script = """
import sys

def watch(event, arguments):
    if event == "open" and str(arguments[0]).endswith(".h5"):
        sys.stderr.write(f"opened {arguments[0]}")

sys.addaudithook(watch)
from tests.web.serving import film, local_client, png
with local_client() as client:
    page = client.post("/", files={"file": ("a.png", png(film()))}, data={"study": "brain"}).text
assert page.count("import-h5") == 3, page
open("braintumor.h5").close()  # that the watch sees one
"""
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert run.stderr.count("opened braintumor.h5") == 1
    assert "opened Tuberculosis" not in run.stderr


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl+C", "terminate"])
def test_a_server_that_is_stopped_answers_what_it_has_begun_and_leaves_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    head = (
        b'--x\r\nContent-Disposition: form-data; name="task"\r\n\r\nchest-xray\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    )
    begun, go_on = threading.Event(), threading.Event()

    def body() -> Iterator[bytes]:
        yield head + large_file(30)
        begun.set()
        assert go_on.wait(START_SECONDS)
        yield b"\r\n--x--\r\n"

    def send(address: str) -> httpx2.Response:
        told = {"Content-Type": "multipart/form-data; boundary=x"}
        return httpx2.post(address, content=body(), headers=told, timeout=START_SECONDS)

    with serving(tmp_path) as server, ThreadPoolExecutor(1) as sender:
        (forkserver,) = children(server.process.pid)
        answer = sender.submit(send, f"{server.address}/api/v1/predictions")
        assert begun.wait(START_SECONDS)
        server.process.send_signal(number)
        go_on.set()
        assert answer.result(START_SECONDS).json()["status"] == "answered"
        server.process.wait(START_SECONDS)
        assert not is_alive(forkserver)
        assert "Traceback" not in server.log()


@needs_proc
def test_the_event_loop_answers_while_images_are_read(server: Server) -> None:
    (forkserver,) = children(server.process.pid)
    with httpx2.Client(base_url=server.address, timeout=HEALTH_SECONDS) as client, ThreadPoolExecutor(1) as sender:

        def healthy() -> bool:
            return client.get("/healthz").status_code == 200

        assert healthy()
        before = descriptors(server.process.pid)
        with suspended(forkserver):  # no image is read meanwhile
            slow = sender.submit(server.post, large_file(60))
            # The connection of the upload, and then the one to the child that would read it.
            until(lambda: healthy() and len(descriptors(server.process.pid) - before) >= 2, START_SECONDS)
            assert [healthy() for _ in range(5)] == [True] * 5
            assert not slow.done()
        assert slow.result().json()["status"] == "answered"


@needs_proc
@pytest.mark.slow
def test_the_largest_uploads_together_stay_within_the_memory_and_let_small_ones_through(server: Server) -> None:
    large, over = large_file(200), threading.Event()
    statuses: list[int] = []

    def small() -> None:
        while not over.is_set():
            statuses.append(server.post(png(film())).status_code)

    asking = threading.Thread(target=small)
    with PeakMemory(server.process.pid) as memory, ThreadPoolExecutor(3) as senders:
        asking.start()
        answers = list(senders.map(server.post, [large] * 3))
        over.set()
        asking.join()
    assert [answer.json()["status"] for answer in answers] == ["answered"] * 3
    assert set(statuses) == {200}
    assert 0 < memory.peak_bytes < MEMORY_BYTES, memory.at_peak
    assert zombies(server.process.pid) == []


def test_a_connection_that_breaks_off_is_no_trace_in_the_log(server: Server) -> None:
    head = (
        "POST /api/v1/predictions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head.encode())
    assert server.post(png(film())).status_code == 200
    assert "Traceback" not in server.log()
