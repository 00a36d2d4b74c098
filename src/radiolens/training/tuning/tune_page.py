"""The page of a search: one HTML file that needs nothing else, written anew after each trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState

from radiolens.training.checkpoints import write_whole
from radiolens.training.tuning.search import Search
from radiolens.training.tuning.trials import Ending, Place, best_place, shown
from radiolens.training.tuning.tune_plots import history_plot, importance_plot, learning_curves, slice_plot

__all__ = ["SearchPage", "importance", "write_page"]

_LEAST_FOR_IMPORTANCE = 4
"""Finished trials: a forest on fewer tells nothing, and on two it only repeats which one was better."""

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


_TEMPLATES.filters["shown"] = shown


@dataclass(frozen=True)
class SearchPage:
    """What the page shows: a title, places in the order they were handed out, the best one, counts, plots as SVG.

    `study` says where the trials are kept, `importance` is empty while there are too few trials.
    """

    title: str
    study: str
    wanted: int
    places: tuple[Place, ...]
    best: Place | None
    names: tuple[str, ...]
    counts: Mapping[str, int]
    importance: Mapping[str, float]
    least_for_importance: int
    plots: Mapping[str, str]


def write_page(file: Path, study: optuna.Study, address: str, search: Search, places: Sequence[Place]) -> None:
    """Write the page of a study; `address` says where it is kept, without a password."""
    shares = importance(study)
    best = best_place(places)
    page = SearchPage(
        title=f"Search of {study.study_name}",
        study=address,
        wanted=search.trials,
        places=tuple(places),
        best=best,
        names=tuple(search.space),
        counts={ending.value: sum(place.ending is ending for place in places) for ending in Ending},
        importance=shares,
        least_for_importance=_LEAST_FOR_IMPORTANCE,
        plots=_plots(places, best, search, shares),
    )
    write_whole(file, _TEMPLATES.get_template("tune.html").render(page=page))


def importance(study: optuna.Study) -> dict[str, float]:
    """Return each value's share (0 to 1) of the variance of the validation loss of finished trials.

    By functional ANOVA of a random forest (Hutter, Hoos, Leyton-Brown 2014, ICML, PMLR 32:754). Empty with fewer than
    four finished trials, or if all have the same loss.
    """
    finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(finished) < _LEAST_FOR_IMPORTANCE or len({trial.value for trial in finished}) == 1:
        return {}
    return get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))


def _plots(places: Sequence[Place], best: Place | None, search: Search, shares: Mapping[str, float]) -> dict[str, str]:
    if not any(place.losses for place in places):
        return {}
    drawn = {
        "history": history_plot(places),
        "curves": learning_curves(places, best),
        "slices": slice_plot(places, search.space),
    }
    if shares:
        drawn["importance"] = importance_plot(shares)
    return drawn
