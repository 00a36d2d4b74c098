"""What an administrator sets, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from radiolens.store import audit
from radiolens.store.database import Database
from radiolens.store.schema import LOCAL_USER_ID
from radiolens.store.site_settings import SiteSettings, change, read


def test_a_new_site_has_the_defaults_and_keeps_what_is_set(database: Database) -> None:
    with database.session() as session:
        assert read(session) == SiteSettings()
        wanted = SiteSettings("Clinic A", second_reader=True, working_copy_hours=48)
        changed = change(session, wanted, LOCAL_USER_ID)
        assert changed == {
            "site_name": ("", "Clinic A"),
            "second_reader": (False, True),
            "working_copy_hours": (24, 48),
        }
    with database.session() as session:
        assert read(session) == wanted
        assert change(session, wanted, LOCAL_USER_ID) == {}
        assert change(session, replace(wanted, second_reader=False), LOCAL_USER_ID) == {"second_reader": (True, False)}
    with database.reading() as session:
        assert not read(session).second_reader
        newest, oldest = audit.entries(session)
        assert (newest.action, newest.detail) == ("site.change", {"second_reader": [True, False]})
        assert oldest.detail["site_name"] == ["", "Clinic A"]
        assert audit.verify(session) is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"working_copy_hours": 0}, "working_copy_hours: expected 1 to 720, found 0"),
        ({"keep_days": 4000}, "keep_days: expected 1 to 3650, found 4000"),
        ({"site_name": "a" * 81}, "site_name: expected at most 80 characters in one line"),
        ({"site_name": "a\nb"}, "site_name: expected at most 80 characters in one line"),
    ],
)
def test_what_is_outside_of_the_limits_is_refused(changes: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        replace(SiteSettings(), **changes)  # type: ignore[arg-type]  the values are the test's
