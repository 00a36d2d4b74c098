"""The log: every request and failure, in a form that programs read, and nothing of a patient."""

from __future__ import annotations

import io
import json
import logging
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from radiolens.settings import LogFormat
from radiolens.web import logs
from radiolens.web.logs import REQUEST_ID, RequestLog
from tests.phantoms import chest_film, dicom
from tests.process_tree import until
from tests.web.serving import local_client, serving

NAME = "Rossi^Maria"
PATIENT = "HOSP-Q4711-W0815"  # no hexadecimal digits alone, which a request's id may hold


@pytest.fixture
def kept() -> Iterator[io.StringIO]:
    """Give the stream that a test configures the log to, and put everything back in the end."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in ("radiolens", "uvicorn", "alembic")}
    yield io.StringIO()
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)


def objects(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def failing_app() -> FastAPI:
    app = FastAPI()

    @app.get("/cases/{name}")
    def case(name: str) -> None:
        try:
            int(name)
        except ValueError as error:
            raise RuntimeError(f"the patient {name} is unknown") from error

    app.add_middleware(RequestLog)
    return app


def test_a_request_is_a_line_with_the_pattern_of_its_path(kept: io.StringIO) -> None:
    logs.configure(LogFormat.JSON, "info", kept)
    with local_client() as client:
        found = client.get("/api/v1/tasks")
        client.get("/Rossi/Maria.dcm")
        client.get("/api/v1/cases/0b0e1f9a-0000-4000-8000-000000000000?name=Rossi")
    requests = [line for line in objects(kept) if line["logger"] == "radiolens.web.logs"]
    first, unknown, case = requests
    assert first["request_id"] == found.headers[REQUEST_ID]
    assert (first["method"], first["route"], first["status"], first["level"]) == ("GET", "/api/v1/tasks", 200, "INFO")
    assert isinstance(first["milliseconds"], int)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(first["time"]))
    assert (unknown["route"], unknown["status"]) == ("", 404)
    assert (case["route"], case["status"]) == ("/api/v1/cases/{case_id}", 404)
    assert "Rossi" not in kept.getvalue()


@pytest.mark.parametrize("form", LogFormat)
def test_nothing_of_a_file_reaches_the_log(kept: io.StringIO, form: LogFormat) -> None:
    logs.configure(form, "debug", kept)
    film = dicom((chest_film(rows=64, columns=64) * 1000).astype("uint16"), PatientName=NAME, PatientID=PATIENT)
    with local_client() as client:
        for content in (film, film[: len(film) // 2], NAME.encode()):
            client.post("/api/v1/predictions", files={"file": (f"{NAME}.dcm", content)}, data={"task": NAME})
            client.post("/api/v1/predictions", files={"file": (f"{NAME}.dcm", content)})
            client.post("/upload/", files={"data": (f"{NAME}.dcm", content)}, data={"choice": NAME})
    assert "/api/v1/predictions" in kept.getvalue()
    for secret in ("Rossi", "Maria", *PATIENT.split("-")):
        assert secret not in kept.getvalue()


@pytest.mark.parametrize("form", LogFormat)
def test_a_defect_is_told_by_its_kind_and_lines_of_code_not_by_its_words(kept: io.StringIO, form: LogFormat) -> None:
    logs.configure(form, "info", kept)
    logger = logging.getLogger("uvicorn.error")
    client = TestClient(failing_app(), raise_server_exceptions=False)
    assert client.get(f"/cases/{NAME}").status_code == 500
    try:
        failing_app().router.routes[-1].endpoint(NAME)  # type: ignore[attr-defined]  the function above
    except RuntimeError:
        logger.exception("Exception in ASGI application")
    told = kept.getvalue()
    assert "Rossi" not in told
    assert "builtins.ValueError" in told
    assert "builtins.RuntimeError" in told
    assert "test_logs.py" in told
    assert "/cases/{name} 500" in told


def test_libraries_are_heard_only_when_they_fail_and_without_their_words(kept: io.StringIO) -> None:
    logs.configure(LogFormat.TEXT, "debug", kept)
    pydicom = logging.getLogger("pydicom")
    pydicom.warning("Invalid value for VR PN: %s", NAME)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"Invalid value: {NAME}", UserWarning, stacklevel=1)
    assert kept.getvalue() == ""
    pydicom.error("cannot read %s", NAME)
    assert re.fullmatch(r"\S+Z ERROR pydicom: a library failed; its words are left out.*\n", kept.getvalue())


def test_the_program_writes_json_lines_alone(tmp_path: Path) -> None:
    with serving(tmp_path, {"RADIOLENS_LOG_FORMAT": "json", "RADIOLENS_LOG_LEVEL": "info"}) as server:
        httpx2.get(f"{server.address}/api/v1/tasks", timeout=60)
        until(lambda: '"/api/v1/tasks"' in server.log())  # the line is written after the answer was sent
        lines = [json.loads(line) for line in server.log().splitlines()]
    assert {"/api/v1/tasks"} <= {line.get("route") for line in lines}
    assert {"radiolens.web.logs", "uvicorn.error"} <= {line["logger"] for line in lines}


def test_the_level_is_what_is_set(kept: io.StringIO) -> None:
    logs.configure(LogFormat.TEXT, "warning", kept)
    logging.getLogger("radiolens.web").info("not told")
    logging.getLogger("radiolens.web").warning("told")
    assert kept.getvalue().endswith("WARNING radiolens.web: told\n")
    assert "not told" not in kept.getvalue()
