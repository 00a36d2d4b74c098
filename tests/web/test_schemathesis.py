"""The interface answers as its OpenAPI document says, whatever is sent: schemathesis makes requests of the document.

Its command is used, since its plug-in for pytest reaches into what pytest 9.2 keeps to itself.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from radiolens.store import accounts, logins
from radiolens.store.database import open_database
from radiolens.web.accounts.principal import Role
from radiolens.web.accounts.secret import new_secret, sha256_of
from tests.tiny_bundle import make_bundle
from tests.web.serving import START_SECONDS, Server, film, png, serving
from tests.worklist.site import LEAN, LEAN_ENVIRONMENT, wait_until

pytestmark = pytest.mark.slow

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
ENDLESS = "/api/v1/events"
"""A stream that ends after a minute; test_events.py reads it."""
CONFIGURATION = """
[dictionaries]
bundles.values = ["", "chest-xray"]
cases.values = {cases}
choices.values = ["2", "3"]

[parameters]
"body.bundle" = {{ dictionary = "bundles", probability = 0.7 }}
"body.choice" = {{ dictionary = "choices", probability = 0.7 }}
"path.case_id" = {{ dictionary = "cases", probability = 0.7 }}
"""
"""By chance no name is that of a bundle, no number that of a case, and no choice that of the film which is sent."""
NO_CASE = str(UUID(int=7))
ENVIRONMENT = {**LEAN_ENVIRONMENT, "SCHEMATHESIS_HOOKS": "tests.web.sent_examples"}
Answered = Mapping[str, set[int]]
"""The statuses by method and route."""


def with_bundles(home: Path) -> Path:
    for task in ("chest-xray", "brain-mri"):
        make_bundle(home / "bundles", task)
    return home


def read_cases(server: Server) -> list[str]:
    """Send images that become cases, wait until nothing of them waits, and return the cases' numbers."""
    address, files = f"{server.address}/api/v1/cases", [png(film(seed)) for seed in range(4)]
    sent = [("file", (f"{place}.png", data)) for place, data in enumerate([*files, b"no image"])]
    accepted = httpx2.post(address, files=sent, data={"task": "chest-xray"}, timeout=START_SECONDS).json()

    def none_waits() -> bool:
        progress = httpx2.get(address, timeout=START_SECONDS).json()["progress"]
        return bool(progress["queued"] == progress["scoring"] == 0)

    wait_until(none_waits)
    return [case["case_id"] for case in accepted["cases"]]


def ask(server: Server, folder: Path, *options: str, cases: Sequence[str] = (NO_CASE,), tokens: str = "") -> Answered:
    """Let schemathesis ask, and return what was answered; fail with its report if something was not as described."""
    before = len(server.log())
    configuration = folder / "schemathesis.toml"
    configuration.write_text(CONFIGURATION.format(cases=json.dumps(list(cases))), encoding="utf-8")
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration), "run"]
    always = ["--checks", ",".join(CHECKS), "--exclude-path", ENDLESS, "--generation-deterministic", "--no-color"]
    patient = ["--suppress-health-check", "all", "--request-timeout", "120"]  # on a busy machine
    done = subprocess.run(
        [*command, *always, *patient, *options, f"{server.address}/openapi.json"],
        cwd=folder,
        env={**os.environ, **ENVIRONMENT, "API_TOKENS": tokens},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    answered: dict[str, set[int]] = defaultdict(set)
    for route, status in re.findall(r"logs: (\w+ /\S+) (\d{3}) in", server.log()[before:]):
        answered[route].add(int(status))
    return answered


def described(server: Server) -> set[str]:
    document = httpx2.get(f"{server.address}/openapi.json").json()
    routes = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    return routes - {f"GET {ENDLESS}"}


def test_every_answer_is_as_described_and_every_request_is_granted_once(tmp_path: Path) -> None:
    with serving(with_bundles(tmp_path), LEAN_ENVIRONMENT, LEAN) as server:
        answered = ask(server, tmp_path, "--max-examples", "6", cases=[*read_cases(server), NO_CASE])
        granted = {route for route, statuses in answered.items() if statuses & {200, 201, 202}}
        assert described(server) <= granted
    assert {404, 409, 422} <= set[int]().union(*answered.values())


def test_every_answer_to_a_role_or_to_nobody_is_as_described(tmp_path: Path) -> None:
    home = with_bundles(tmp_path)
    secrets = {role: f"radiolens_{new_secret()}" for role in Role}
    database = open_database(f"sqlite:///{home}/radiolens.db")
    with database.session() as session:
        for role, secret in sorted(secrets.items()):  # an administrator first
            account = accounts.add_account(session, role, [role], "no password")
            logins.add_token(session, account.id, "test", secret[:12], sha256_of(secret), timedelta(days=1))
    database.close()
    with serving(home, {**LEAN_ENVIRONMENT, "RADIOLENS_REQUESTS_PER_MINUTE": "1000000"}, LEAN) as server:
        turns = ",".join([*secrets.values(), ""])
        answered = ask(server, tmp_path, "--phases", "fuzzing", "--max-examples", "5", tokens=turns)
        assert described(server) <= answered.keys()
    assert {200, 401, 403, 422} <= set[int]().union(*answered.values())
