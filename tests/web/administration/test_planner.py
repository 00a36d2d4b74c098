"""With which question the planner begins."""

from __future__ import annotations

from pathlib import Path

from radiolens.bundle import read_bundle
from radiolens.store.database import open_database
from radiolens.store.schema import LOCAL_USER_ID
from radiolens.web.administration.planner import Asked, most_told
from tests.tiny_bundle import make_bundle
from tests.web.administration.outcomes import add_case, answer


def test_the_question_of_the_most_known_outcomes_comes_first_and_what_is_indeterminate_is_not_known(
    tmp_path: Path,
) -> None:
    bundle = read_bundle(make_bundle(tmp_path))
    said = [(answer(bundle, {"pneumonia": 0.4, "tuberculosis": 0.6}), False)]
    questions = [Asked(bundle, label) for label in ("pneumonia", "tuberculosis")]
    database = open_database(f"sqlite:///{tmp_path}/radiolens.db")
    for outcome in ({"pneumonia": "indeterminate"}, {"pneumonia": "indeterminate"}, {"tuberculosis": "absent"}):
        add_case(database, said, [outcome])
    with database.reading() as session:
        assert most_told(session, LOCAL_USER_ID, questions).label == "tuberculosis"
        assert most_told(session, LOCAL_USER_ID, questions[:1]).label == "pneumonia"
    database.close()
