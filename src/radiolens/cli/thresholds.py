"""`radiolens thresholds`: plans the threshold of one site on its own cases."""

from __future__ import annotations

import json
import shlex
import sys
from datetime import UTC, datetime
from functools import partial
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING

import click

from radiolens.cli.bundle_folder import bundle_folder
from radiolens.cli.number_types import SEED, FiniteRange
from radiolens.cli.stages import stage_progress

if TYPE_CHECKING:
    from radiolens.evaluation.cut_offs import Practice
    from radiolens.evaluation.thresholds import Rule
    from radiolens.validation.planning.local_scores import LocalScores

__all__ = ["command"]

_SHARE = FiniteRange(0.0, 1.0, min_open=True)
_OPEN_SHARE = FiniteRange(0.0, 1.0, min_open=True, max_open=True)
_TABLE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("thresholds")
@click.argument("bundle")
@click.argument("scores", type=_TABLE)
@click.option("--label", required=True, help="The finding whose threshold is planned.")
@click.option("--outcomes", type=_TABLE, help="A table of outcomes (a manifest, too), joined by path.")
@click.option("--score", default="", metavar="COLUMN", help="Default: probability:LABEL, score or probability.")
@click.option("--outcome", default="", metavar="COLUMN", help="Of 1 and 0. Default: label:LABEL, outcome or LABEL.")
@click.option("--patient", default="", metavar="COLUMN", help="Default: patient_id, duplicate_group where it is empty.")
@click.option("--by", multiple=True, metavar="COLUMN", help="Also judge by the groups of this column; repeatable.")
@click.option("--where", multiple=True, metavar="COLUMN=VALUE", help="Only such rows; repeatable.")
@click.option("--sensitivity", type=_SHARE, help="Choose the highest cut-off with at least this sensitivity.")
@click.option("--specificity", type=_SHARE, help="Choose the lowest cut-off with at least this specificity.")
@click.option("--youden", is_flag=True, help="Choose the largest sensitivity + specificity.")
@click.option("--cost-fn", type=FiniteRange(0.0), help="Cost of a missed patient. Alone with --cost-fp: choose by it.")
@click.option("--cost-fp", type=FiniteRange(0.0), help="Cost of a false alarm.")
@click.option("--lower-bound", is_flag=True, help="The lower bound of the interval must reach the target.")
@click.option("--prevalence", type=_OPEN_SHARE, help="Of the patients it is used on. Default: of these cases.")
@click.option(
    "--precision",
    default=0.05,
    show_default=True,
    type=FiniteRange(0.0, 0.5, min_open=True, max_open=True),
    help="Half width wanted of the intervals.",
)
@click.option("--level", default=0.95, show_default=True, type=_OPEN_SHARE, help="Of the intervals.")
@click.option("--site", default="this site", show_default=True, help="The name in the profile.")
@click.option("--seed", default=0, show_default=True, type=SEED, help="Of the bootstrap.")
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), help="Write plan and profile into this folder."
)
@click.option("--extend", type=_TABLE, help="A profile of the same bundle, whose other labels are kept.")
@click.option("--json", "as_json", is_flag=True, help="Print plan.json instead of the table.")
def command(
    bundle: str,
    scores: Path,
    *,
    label: str,
    outcomes: Path | None,
    score: str,
    outcome: str,
    patient: str,
    by: tuple[str, ...],
    where: tuple[str, ...],
    sensitivity: float | None,
    specificity: float | None,
    youden: bool,
    cost_fn: float | None,
    cost_fp: float | None,
    lower_bound: bool,
    prevalence: float | None,
    precision: float,
    level: float,
    site: str,
    seed: int,
    output: Path | None,
    extend: Path | None,
    as_json: bool,
) -> None:
    """Choose a threshold of BUNDLE on a site's own SCORES (CSV or Parquet) and outcomes, and say what it is worth.

    SCORES is a table of `radiolens predict --output`, predictions.parquet of `radiolens evaluate`, or any other with a
    column of scores. Choose by exactly one of --sensitivity, --specificity, --youden, or by cost alone (--cost-fn with
    --cost-fp). With --output it writes plan.json, plan.png and profile.json, which `radiolens predict --profile` takes.
    """
    from radiolens.bundle import read_bundle
    from radiolens.cli.plan_table import plan_table
    from radiolens.evaluation.plan_profile import Subject
    from radiolens.evaluation.targets import WHO_TRIAGE_2014
    from radiolens.evaluation.threshold_plan import check_enough, plan_threshold
    from radiolens.inference.profile_file import read_profile
    from radiolens.validation.planning.local_scores import Columns, read_local_scores
    from radiolens.validation.planning.plan_files import plan_json, write_plan

    rule = _rule(sensitivity, specificity, (cost_fn, cost_fp), youden=youden, lower_bound=lower_bound, level=level)
    if extend is not None and output is None:
        raise click.UsageError("--extend needs --output: a folder for the new profile.")
    installed = read_bundle(bundle_folder(bundle))
    columns = Columns(score, outcome, patient, by, _pairs(where))
    local = read_local_scores(scores, installed, label, columns, outcomes)
    former = read_profile(extend) if extend else None
    check_enough(local.cases, precision)
    practice, remarks = _practice(local, prevalence, (cost_fn, cost_fp))
    target = WHO_TRIAGE_2014 if label == "tuberculosis" else None
    show = partial(stage_progress(sys.stderr), "Planning")
    plan = plan_threshold(local.cases, rule, practice, precision, target, seed, show)
    subject = Subject(
        bundle=installed.identity,
        label=label,
        site=site,
        origin=local.origin,
        day=datetime.now(UTC).date().isoformat(),
        command=shlex.join(["radiolens", *sys.argv[1:]]),
        remarks=(*local.remarks, *remarks),
    )
    written = write_plan(subject, plan, output, former) if output else ()
    if as_json:
        click.echo(json.dumps(plan_json(subject, plan), indent=1, allow_nan=False))
    else:
        click.echo(plan_table(subject, plan))
    for file in written:
        click.echo(f"written: {file}", err=True)


def _rule(
    sensitivity: float | None,
    specificity: float | None,
    costs: tuple[float | None, float | None],
    *,
    youden: bool,
    lower_bound: bool,
    level: float,
) -> Rule:
    """Return the one rule that was asked for; raise UsageError for none or several."""
    from radiolens.evaluation.thresholds import Criterion, Rule

    if (costs[0] is None) != (costs[1] is None):
        raise click.UsageError("--cost-fn and --cost-fp go together: give both.")
    targets = {Criterion.SENSITIVITY: sensitivity, Criterion.SPECIFICITY: specificity}
    asked = [name for name, target in targets.items() if target is not None] + [Criterion.YOUDEN] * youden
    if not asked and costs[0] is not None:
        asked = [Criterion.COST]
    if len(asked) != 1:
        found = " and ".join(f"--{name}" for name in asked) or "none"
        raise click.UsageError(
            "Choose by exactly one of --sensitivity, --specificity, --youden, or --cost-fn with --cost-fp; "
            f"found {found}."
        )
    target = targets.get(asked[0])
    try:
        return Rule(asked[0], nan if target is None else target, lower_bound, level)
    except ValueError as error:
        raise click.UsageError(f"--lower-bound: {error}.") from error


def _practice(
    local: LocalScores, prevalence: float | None, costs: tuple[float | None, float | None]
) -> tuple[Practice, tuple[str, ...]]:
    """Return where the test is used, and what must be said if that was not told."""
    from radiolens.evaluation.cut_offs import Practice

    remarks: tuple[str, ...] = ()
    if prevalence is None:
        prevalence = local.cases.positives / len(local.cases.truth)
        told = f"PPV, NPV and what follows are at the prevalence of these cases, {prevalence:.3g}."
        remarks = (f"{told} Unless they are consecutive patients, give that of yours: --prevalence.",)
    missed, alarm = (nan if cost is None else cost for cost in costs)
    try:
        return Practice(prevalence, missed, alarm), remarks
    except ValueError as error:
        raise click.UsageError(f"--cost-fn, --cost-fp: {error}.") from error


def _pairs(given: tuple[str, ...]) -> dict[str, str]:
    wrong = next((text for text in given if "=" not in text), None)
    if wrong is not None:
        raise click.UsageError(f"--where {wrong}: expected COLUMN=VALUE.")
    return dict(text.partition("=")[::2] for text in given)
