"""The page that compares reader, network and both."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient
from statsmodels.stats.proportion import proportion_confint

from radiolens.prediction import Presence
from radiolens.store import audit
from radiolens.store.database import Database
from tests.web.reading.compared import Judged, keep
from tests.web.serving import local_client

P, A, U = Presence.PRESENT, Presence.ABSENT, Presence.INDETERMINATE
ILL = 24 * [Judged(P, P, P, P)] + 6 * [Judged(A, P, P, P)] + 4 * [Judged(P, A, A, P)] + 6 * [Judged(A, A, A, P)]
WELL = 30 * [Judged(A, A, A, A)] + 5 * [Judged(P, A, A, A)] + 5 * [Judged(U, P, U, A)]


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with local_client(gate="header") as running:
        keep(database(running), [*ILL, *WELL])
        yield running


@pytest.fixture(scope="module")
def text(client: TestClient) -> str:
    """Return what the page says, without its markup."""
    return " ".join(re.sub(r"<[^>]+>", " ", client.get("/comparison").text).split())


def database(client: TestClient) -> Database:
    found: Database = client.app.state.database  # type: ignore[attr-defined]  # an app of ours
    return found


def share(hits: int, of: int) -> str:
    """Return a share as the page writes it, its interval by statsmodels."""
    low, high = proportion_confint(hits, of, method="wilson")
    return f"{100 * hits / of:.0f} % ({100 * low:.0f} % to {100 * high:.0f} %)"


@pytest.mark.parametrize(
    ("who", "found", "excluded", "undecided"),
    [
        ("Reader alone, before the network's answer was shown", 28, 30, 5),
        ("Network alone", 30, 35, 0),
        ("Reader with the network's answer in view", 30, 35, 5),
        ("Reader alone or network: present if one of them says so", 34, 30, 0),
    ],
)
def test_each_row_says_sensitivity_and_specificity_with_intervals(
    text: str, who: str, found: int, excluded: int, undecided: int
) -> None:
    assert f"{who} {share(found, 40)} {share(excluded, 40)} {undecided} " in text.replace("&#39;", "'")


def test_switches_are_told_with_their_directions(text: str) -> None:
    assert (
        f"Readers changed their answer in 15 of 80 readings after the network&#39;s was shown: {share(15, 80)}." in text
    )
    assert "Changed to what the other test told: 11. Changed away from it: 4." in text


def test_enough_readings_are_not_warned_of_and_few_are(client: TestClient, text: str) -> None:
    assert "Too few readings" not in text
    with local_client(gate="header") as other:
        keep(database(other), ILL[:3])
        page = other.get("/comparison").text
    assert "Too few readings" in page
    assert "not defined: no such case" in page


def test_it_says_how_many_cases_take_no_part(text: str) -> None:
    assert "80 readings, 80 cases" in text
    assert "no diagnosis" not in text


def test_looking_at_it_is_told_in_the_audit_log(client: TestClient, text: str) -> None:
    with database(client).reading() as session:
        assert [entry.detail for entry in audit.entries(session, action="comparison.view")] == [{"closed": 80}]
