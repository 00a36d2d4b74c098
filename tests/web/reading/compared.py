"""Closed cases with a reader, a network and a truth, straight into a database: scoring hundreds would take long."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from radiolens.prediction import BundleIdentity, Finding, Prediction, Presence
from radiolens.store.database import Database
from radiolens.store.schema import AnswerStage
from tests.web.administration.outcomes import add_case

NETWORK = BundleIdentity("chest-xray", "1.0.0", "ab" * 32)


@dataclass(frozen=True)
class Judged:
    """Decisions on tuberculosis: of the reader alone, the network, the reader in the end, and the truth."""

    before: Presence
    network: Presence
    final: Presence
    truth: Presence


def keep(database: Database, cases: Iterable[Judged]) -> None:
    """Keep a closed case for each."""
    for judged in cases:
        prediction = Prediction("chest-xray", NETWORK, (Finding("tuberculosis", 0.7, 0.5, judged.network),))
        said = {AnswerStage.BEFORE: judged.before, AnswerStage.AFTER: judged.final}
        add_case(
            database,
            [(prediction, False)],
            [{"tuberculosis": judged.truth}],
            said={stage: {"tuberculosis": presence} for stage, presence in said.items()},
            blinded=True,
            closed=True,
        )
