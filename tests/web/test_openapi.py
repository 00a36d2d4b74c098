"""The interface describes itself, whole and rightly, and its page needs no other host."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from radiolens.inference.record import KEYS
from radiolens.quality import ProblemCode
from radiolens.web import schemas
from tests.project.documents import table_column, text_of
from tests.project.source_tree import PACKAGE
from tests.web.serving import film, png

VENDOR = PACKAGE / "web" / "static" / "vendor"
HOSTS = re.compile(r"https?://[^\s\"')]+")


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema, or the one that it refers to."""
    name = schema.get("$ref", "").removeprefix("#/components/schemas/")
    found: dict[str, Any] = document["components"]["schemas"][name] if name else schema
    return found


def answer_schema(document: dict[str, Any], path: str, status: str, method: str = "post") -> dict[str, Any]:
    content = document["paths"][path][method]["responses"][status]["content"]
    (body,) = content.values()
    found: dict[str, Any] = body["schema"]
    return found


def references(node: Any) -> Iterator[str]:  # noqa: ANN401  JSON
    if isinstance(node, dict):
        yield from (str(value) for key, value in node.items() if key == "$ref")
        yield from (found for value in node.values() for found in references(value))
    elif isinstance(node, list):
        yield from (found for value in node for found in references(value))


def test_every_route_of_the_contract_is_described_and_no_page(document: dict[str, Any]) -> None:
    contract = {entry for entry in table_column(text_of("docs/contracts.md"), "HTTP") if " /" in entry}
    described = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    assert described == contract


def test_every_reference_leads_to_a_schema(document: dict[str, Any]) -> None:
    found = {reference.rsplit("/", 1)[1] for reference in references(document)}
    assert found
    assert found <= document["components"]["schemas"].keys()


@pytest.mark.parametrize(
    ("path", "field", "other"), [("/api/v1/predictions", "file", "task"), ("/upload/", "data", "choice")]
)
def test_an_upload_is_multipart_with_its_fields(document: dict[str, Any], path: str, field: str, other: str) -> None:
    body = document["paths"][path]["post"]["requestBody"]
    assert body["required"]
    schema = body["content"]["multipart/form-data"]["schema"]
    assert schema["properties"].keys() == {field, other, "bundle"}
    assert field in schema["required"]
    assert schema["properties"][field]["items"] == {"type": "string", "format": "binary"}
    assert schema["properties"][other]["enum"]


def test_the_answer_is_described_key_by_key(document: dict[str, Any]) -> None:
    schema = resolved(document, answer_schema(document, "/api/v1/predictions", "200"))
    assert tuple(schema["properties"]) == KEYS
    assert set(schema["required"]) == set(KEYS)
    assert schema["properties"]["status"]["enum"] == ["answered", "refused"]
    finding = document["components"]["schemas"]["FindingAnswer"]["properties"]
    assert list(finding) == ["label", "probability", "threshold", "presence"]
    bundle = document["components"]["schemas"]["AnsweredBy"]
    assert list(bundle["properties"]) == ["name", "version", "sha256", "calibrated"]
    assert bundle["required"] == ["name", "version", "sha256"]
    assert document["components"]["schemas"]["Presence"]["enum"] == ["present", "absent", "indeterminate"]
    assert document["components"]["schemas"]["ProblemCode"]["enum"] == list(ProblemCode)


@pytest.mark.parametrize("path", ["/api/v1/predictions", "/upload/"])
def test_every_problem_of_an_upload_is_described(document: dict[str, Any], path: str) -> None:
    responses = document["paths"][path]["post"]["responses"]
    expected = {"200", "400", "401", "403", "408", "413", "422", "429", "503", "507"} | (
        {"415"} if path.startswith("/api") else set()
    )
    assert responses.keys() == expected
    for status in expected - {"200"}:
        assert responses[status]["content"].keys() == {"application/problem+json"}


def test_a_problem_with_a_file_has_the_keys_of_both(document: dict[str, Any]) -> None:
    for status in ("413", "415", "422"):
        assert "#/components/schemas/InputProblem" in references(answer_schema(document, "/api/v1/predictions", status))
    schema = document["components"]["schemas"]["InputProblem"]
    assert set(schema["required"]) == {*KEYS, "type", "title", "detail", "outcome"}
    assert schema["properties"]["status"]["type"] == "integer"


def test_the_first_designs_answer_is_a_string(document: dict[str, Any]) -> None:
    assert answer_schema(document, "/upload/", "200")["type"] == "string"


def test_every_route_says_what_stands_before_it(document: dict[str, Any]) -> None:
    """The guard stands before all, signing in and so the database before all that is no state of the program."""
    every = {"401", "403", "429", "503", "507"}
    for path, methods in document["paths"].items():
        for operation in methods.values():
            responses = operation["responses"]
            assert responses.keys() >= ({"403"} if path in ("/healthz", "/readyz") else every)
            for status, response in responses.items():
                assert int(status) < 400 or response["content"].keys() == {"application/problem+json"}, (path, status)
            if path not in ("/healthz", "/readyz"):
                assert "WWW-Authenticate" in responses["401"]["headers"]
                assert "Retry-After" in responses["429"]["headers"]
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


def test_an_accepted_upload_says_where_its_cases_are_asked(document: dict[str, Any]) -> None:
    links = document["paths"]["/api/v1/cases"]["post"]["responses"]["202"]["links"]
    assert set(links) == {"case", "progress", "answers", "diagnoses", "close", "erase"}
    for link in links.values():
        path, method = link["operationRef"].removeprefix("#/paths/").rsplit("/", 1)
        assert method in document["paths"][path.replace("~1", "/")]


def test_real_answers_are_as_described(client: TestClient) -> None:
    def ask(content: bytes, task: str) -> dict[str, Any]:
        found: dict[str, Any] = client.post(
            "/api/v1/predictions", files={"file": ("a", content)}, data={"task": task}
        ).json()
        return found

    schemas.Prediction.model_validate(ask(png(film()), "chest-xray"))
    schemas.Prediction.model_validate(ask(png(film()), "brain-ct"))
    schemas.InputProblem.model_validate(ask(b"text", "chest-xray"))
    schemas.ProblemDetails.model_validate(ask(b"text", "knee"))
    schemas.Readiness.model_validate(client.get("/readyz").json())
    for row in client.get("/api/v1/tasks").json():
        schemas.TaskAnswer.model_validate(row)


def test_the_docs_page_loads_only_our_own_files(client: TestClient) -> None:
    page = client.get("/docs").text
    loaded = re.findall(r'(?:src|href)="([^"#][^"]*)"', page)  # but for the link past the navigation
    assert len(loaded) >= 4
    for address in loaded:
        assert address.startswith("/")
        assert client.get(address).status_code == 200, address
    assert "<script>" not in page
    assert "style=" not in page


OURS = [
    file
    for file in sorted((PACKAGE / "web").rglob("*.*"))
    if file.suffix in {".py", ".html", ".js", ".css"} and not file.is_relative_to(VENDOR)
]


@pytest.mark.parametrize("file", OURS, ids=lambda file: file.name)
def test_none_of_our_own_files_names_another_host(file: Path) -> None:
    hosts = [found for found in HOSTS.findall(file.read_text(encoding="utf-8")) if "127.0.0.1" not in found]
    assert hosts == []


def test_vendored_code_has_its_licence_its_lock_file_and_no_address_of_a_registry() -> None:
    lock = json.loads((VENDOR / "package-lock.json").read_text(encoding="utf-8"))
    asked = json.loads((VENDOR / "package.json").read_text(encoding="utf-8"))["dependencies"]
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    for name, version in asked.items():
        assert packages[f"node_modules/{name}"]["version"] == version
        assert f"{name} {version}" in (VENDOR / "README.md").read_text(encoding="utf-8")
    for entry in packages.values():
        assert entry["integrity"].startswith("sha512-")
        assert "resolved" not in entry
    assert "Apache License" in (VENDOR / "swagger-ui" / "LICENSE").read_text(encoding="utf-8")
    assert not HOSTS.search((VENDOR / "package-lock.json").read_text(encoding="utf-8"))


def test_vendored_files_are_the_unchanged_ones() -> None:
    listed = dict(
        reversed(line.split(maxsplit=1)) for line in (VENDOR / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    )
    found = {
        file.relative_to(VENDOR).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for folder in ("cornerstone", "swagger-ui")
        for file in (VENDOR / folder).iterdir()
    }
    assert found == listed
    assert not any(name.endswith(".map") for name in found)
