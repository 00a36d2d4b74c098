"""What a site chooses of its bundles, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from radiolens.bundle import InstalledBundle, read_bundle
from radiolens.inference.lineup import Choice
from radiolens.profile import Profile
from radiolens.store import audit, models
from radiolens.store.database import Database, open_database
from radiolens.store.schema import LOCAL_USER_ID, ActivationRole
from tests.tiny_bundle import make_bundle

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
USER = LOCAL_USER_ID


class Clock:
    """A clock that goes on by a minute whenever it is asked."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> tuple[InstalledBundle, ...]:
    folder = tmp_path_factory.mktemp("bundles")
    return tuple(read_bundle(make_bundle(folder, version=f"0.{number}.0", seed=number)) for number in (1, 2, 3))


@pytest.fixture
def database(address: str) -> Iterator[Database]:
    opened = open_database(address, clock=Clock())
    yield opened
    opened.close()


def profile(bundle: InstalledBundle, threshold: float = 0.3) -> Profile:
    name, version = bundle.bundle.name, bundle.bundle.version
    thresholds = {"tuberculosis": threshold}
    return Profile("clinic A", bundle.sha256, thresholds, "evidence", name, version, {"tuberculosis": "--youden"})


def told(session: Session) -> list[str]:
    return [f"{entry.action} {entry.target}" for entry in reversed(list(audit.entries(session)))]


def test_nothing_is_chosen_at_first(database: Database) -> None:
    with database.reading() as session:
        assert models.read_choice(session) == Choice()
        assert models.before(models.activations(session), "chest-xray") is None
        assert models.activations(session) == models.profiles(session) == ()


def test_a_version_is_activated_and_rolled_back_to_the_one_before_it(
    database: Database, versions: tuple[InstalledBundle, ...]
) -> None:
    first, second, third = versions
    with database.session() as session:
        models.activate(session, second, first, USER)
    with database.session() as session:
        assert models.read_choice(session).active == (second.identity,)
        assert models.before(models.activations(session), "chest-xray") == first.identity
        models.activate(session, third, second, USER)
    with database.session() as session:
        assert models.before(models.activations(session), "chest-xray") == second.identity
        models.activate(session, second, third, USER)
    with database.reading() as session:
        assert models.read_choice(session).active == (second.identity,)
        assert models.before(models.activations(session), "chest-xray") == third.identity
        used = models.activations(session, "chest-xray")
        assert [entry.bundle.version for entry in used] == ["0.1.0", "0.2.0", "0.3.0", "0.2.0"]
        assert [entry.until is None for entry in used] == [False, False, False, True]
        assert all(entry.until is None or entry.since < entry.until for entry in used)
        assert {entry.by for entry in used} == {"local"}
        assert told(session) == 3 * ["model.activate bundle:chest-xray"]
        assert [entry.detail["before"] for entry in audit.entries(session)] == ["0.3.0", "0.2.0", "0.1.0"]


def test_a_version_in_the_shadow_keeps_the_answering_one_and_leaves_when_it_is_activated(
    database: Database, versions: tuple[InstalledBundle, ...]
) -> None:
    first, second, third = versions
    with database.session() as session:
        models.start_shadow(session, second, first, USER)
    with database.session() as session:
        assert models.read_choice(session) == Choice(active=(first.identity,), shadow=(second.identity,))
        models.start_shadow(session, third, first, USER)
    with database.session() as session:
        assert models.read_choice(session).shadow == (third.identity,)
        models.activate(session, second, first, USER)
    with database.session() as session:
        assert models.read_choice(session) == Choice(active=(second.identity,), shadow=(third.identity,))
        models.activate(session, third, second, USER)
    with database.session() as session:
        assert models.read_choice(session) == Choice(active=(third.identity,))
        assert not models.stop_shadow(session, "chest-xray", USER)
        models.start_shadow(session, second, third, USER)
    with database.session() as session:
        assert models.stop_shadow(session, "chest-xray", USER)
    with database.reading() as session:
        assert models.read_choice(session) == Choice(active=(third.identity,))
        roles = {entry.role for entry in models.activations(session)}
        assert roles == set(ActivationRole)
        assert told(session)[-1] == "model.stop_shadow bundle:chest-xray"


def test_a_profile_decides_until_a_newer_one_or_its_withdrawal(
    database: Database, versions: tuple[InstalledBundle, ...]
) -> None:
    first, second, _ = versions
    with database.session() as session:
        models.save_profile(session, profile(first, 0.3), {"seen": 1}, USER)
        other = models.save_profile(session, profile(second), {}, USER)
    with database.session() as session:
        newer = models.save_profile(session, profile(first, 0.4), {}, USER)
    with database.reading() as session:
        assert models.read_choice(session).profiles == (profile(second), profile(first, 0.4))
        stored = models.profiles(session)
        assert {entry.id for entry in stored if entry.active} == {newer, other}
        assert [entry.active for entry in stored] == [True, True, False]
        assert stored[2].plan == {"seen": 1}
        assert stored[2].reason == "replaced by a newer profile for the same network"
        assert stored[2].disabled is not None
        assert stored[0].by == "local"
    with database.session() as session:
        assert models.withdraw_profile(session, newer, "planned on the wrong cases", USER)
        assert not models.withdraw_profile(session, newer, "again", USER)
    with database.reading() as session:
        assert {entry.id for entry in models.profiles(session) if entry.active} == {other}
        assert models.profiles(session)[0].reason == "planned on the wrong cases"
        assert [line.split()[0] for line in told(session)] == [*(3 * ["profile.save"]), "profile.withdraw"]
