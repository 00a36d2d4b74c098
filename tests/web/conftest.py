"""The app, opened once for all tests of the web that do not change it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.web.serving import Server, local_client, serving


@pytest.fixture(scope="session")
def client() -> Iterator[TestClient]:
    """Return a client of the app in this process, with a small limit on uploads."""
    with local_client(max_upload_bytes=30_000_000, max_files=20) as found:
        yield found


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return the app as a program of its own."""
    with serving(tmp_path_factory.mktemp("server")) as found:
        yield found
