"""The app, opened once for all tests of the web that do not change it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from starlette.testclient import TestClient

from tests.chromium import browser
from tests.web.browsing import watched_page
from tests.web.serving import Server, local_client, serving

__all__ = ["browser", "client", "page", "server"]


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


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """Return the start page; at the end no request has left the origin and no script has failed."""
    with watched_page(browser, server) as found:
        yield found
