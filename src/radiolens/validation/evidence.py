"""A bundle's whole evidence: one call measures everything, goes on where it was cut, and writes one folder.

OUTPUT/evaluation.json      every figure; the other files show them
       predictions.parquet  the answer to every case
       plots/*.svg          curves
       report.html, model_card.md, datasheet.md, claim.md
       hashes.json          the SHA-256 of each of these files
       work/                what is finished already; only while the call runs, or after it was cut
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from radiolens import __version__
from radiolens.bundle import write_evidence_hashes
from radiolens.data.manifest import Case, Manifest
from radiolens.data.splits import check_no_leakage
from radiolens.errors import DatasetError
from radiolens.inference.engine import Engine
from radiolens.validation.comparison import compare
from radiolens.validation.controls.feature_studies import feature_studies
from radiolens.validation.documents.dataset_facts import dataset_facts
from radiolens.validation.documents.figures import SECTIONS
from radiolens.validation.documents.pictures import write_pictures
from radiolens.validation.documents.plots import draw_plots
from radiolens.validation.documents.seal import write_documents
from radiolens.validation.explanations.explanation_tests import explanation_tests
from radiolens.validation.folded import of_one_network
from radiolens.validation.largest_errors import largest_errors
from radiolens.validation.questions import ANY_FINDING, Question, Scored, questions
from radiolens.validation.results import plain_json, write_evaluation, write_predictions
from radiolens.validation.robustness import robustness
from radiolens.validation.score import control_part, score
from radiolens.validation.study import Plan, measure

__all__ = ["Progress", "Request", "make_evidence"]

Progress = Callable[[str, int, int], None]
"""Told (stage, done, total)."""


@dataclass(frozen=True, eq=False)
class Request:
    """What to measure: a bundle on `cases` of a manifest, which of figures.SECTIONS, against another bundle or none.

    The files go to `output`; `pictures` adds a page with the pictures of the largest errors.
    """

    engine: Engine
    manifest: Manifest
    cases: tuple[Case, ...]
    output: Path
    plan: Plan = field(default_factory=Plan)
    sections: frozenset[str] = frozenset()
    against: Engine | None = None
    pictures: bool = False


@dataclass(frozen=True, eq=False)
class _Run:
    """A request with its scored cases; `work` keeps finished pieces, by `inputs`, a hash of all they follow from."""

    request: Request
    scored: Scored
    work: Path
    progress: Progress
    inputs: str

    def finished(self, name: str, make: Callable[[], object], also: str = "") -> Any:  # noqa: ANN401  JSON
        """Return a section as JSON: the kept one if it was made of the same, otherwise a new one, which is kept.

        `also` is what the section follows from besides.
        """
        key = hashlib.sha256(f"{self.inputs} {also}".encode()).hexdigest()[:16]
        file = self.work / f"{name}-{key}.json"
        if not file.is_file():
            unfinished = file.with_suffix(".partial")
            unfinished.write_text(json.dumps(plain_json(make()), allow_nan=False), encoding="utf-8")
            os.replace(unfinished, file)
        return json.loads(file.read_text(encoding="utf-8"))


def make_evidence(request: Request, progress: Progress = lambda stage, done, total: None) -> Mapping[str, Any]:
    """Measure, write the whole folder, and return the content of evaluation.json.

    A call that was cut, at whatever moment, goes on with the same OUTPUT: it loses the image or the section in work.
    Raises PatientLeakage if a patient or duplicate group of the manifest stands in two splits, since what is measured
    may be learnt then; DatasetError if an image cannot be read, the other bundle is of another task, or OUTPUT holds
    the evidence of another one.
    """
    check_no_leakage(request.manifest.cases)
    _refuse_other_evidence(request)
    work = request.output / "work"
    work.mkdir(parents=True, exist_ok=True)
    if request.against and request.against.bundle.task != request.engine.bundle.task:
        raise DatasetError(
            f"{request.against.bundle.name} answers {request.against.bundle.task}, not {request.engine.bundle.task}. "
            "Compare bundles of one task."
        )
    scored = score(request.engine, request.manifest, request.cases, work, partial(progress, "Scoring"))
    run = _Run(request, scored, work, progress, _inputs(request, scored))
    asked = questions(request.manifest.task, scored, request.engine.bundle.thresholds)
    content = _measured(run, asked)
    _write(run, asked, content)
    return content


def _refuse_other_evidence(request: Request) -> None:
    """Raise DatasetError if the folder holds what another bundle, or another state of this one, has taken hours for."""
    file = request.output / "evaluation.json"
    try:
        found = json.loads(file.read_text(encoding="utf-8"))["settings"]
        bundle, name = found["bundle"], f"{found['name']} {found['version']}"
    except (FileNotFoundError, KeyError, TypeError, ValueError):
        return
    measured = request.engine.installed
    if bundle != measured.sha256:
        raise DatasetError(
            f"{request.output}: found the evidence of {name} ({bundle[:12]}), expected none or that of "
            f"{measured.identity.name} {measured.identity.version} ({measured.sha256[:12]}). Give another folder, or "
            "move this one away."
        )


def _measured(run: _Run, asked: tuple[Question, ...]) -> dict[str, Any]:
    request = run.request
    study = run.finished("study", partial(_study, run))
    other = request.against.installed.sha256 if request.against else ""
    sections = {
        name: run.finished(name, partial(_MAKERS[name], run), other if name == "comparison" else "")
        if name in request.sections
        else None
        for name in SECTIONS
    }
    contrasts = run.finished("contrasts", partial(_contrasts, run))
    settings = {**study.pop("settings"), **request.plan.settings, "sections": sorted(request.sections)}
    return {
        "settings": plain_json(settings),
        **study,
        "contrasts": contrasts,
        **sections,
        "largest_errors": plain_json(largest_errors(asked, run.scored.cases)),
        "dataset": plain_json(dataset_facts(request.manifest, run.scored.cases)),
    }


def _study(run: _Run) -> object:
    request = run.request
    scored_paths = {case.path for case in request.cases}
    cases = [case for case in request.manifest.cases if case.split == "train" and case.path not in scored_paths]
    reading = partial(run.progress, "Reading training images for the control")
    control = control_part(request.manifest, cases, request.engine.bundle.preprocessing, reading, run.work)
    measuring = partial(run.progress, "Measuring")
    thresholds = request.engine.bundle.thresholds
    return measure(
        request.manifest.task,
        run.scored,
        thresholds,
        request.plan,
        control if cases else None,
        measuring,
        [request.engine.sets] * len(run.scored.cases) if request.engine.sets else (),
    )


def _contrasts(run: _Run) -> object:
    task, engine = run.request.manifest.task, run.request.engine
    names = (ANY_FINDING,) if task.exclusive else [name for name in task.label_names if name in engine.bundle.labels]
    comparing = partial(run.progress, "Comparing hospitals")
    return of_one_network(task, names, run.scored, run.request.plan, comparing)


def _write(run: _Run, asked: tuple[Question, ...], content: Mapping[str, Any]) -> None:
    """Write all files; the hashes come last, so that a folder that was cut here does not pass for a whole one.

    What is finished is removed after them: a call that was cut before goes on with it.
    """
    request, output = run.request, run.request.output
    write_predictions(request.manifest.task, run.scored, output)
    draw_plots(asked, content, output / "plots", partial(run.progress, "Drawing"))
    write_evaluation(content, output)
    write_documents(request.engine.installed, output)
    if request.pictures:
        write_pictures(request.engine.installed, content["largest_errors"], run.scored, output)
    (output / "curves.png").unlink(missing_ok=True)  # what 0.1.0 wrote in place of plots/
    write_evidence_hashes(request.engine.installed.folder, output, besides=run.work)
    shutil.rmtree(run.work)


def _inputs(request: Request, scored: Scored) -> str:
    """Return a hash of the bundle, the whole manifest, the answers and grey levels of the scored cases, and the plan.

    Images that are not scored count by what the manifest says of them.
    """
    plan = request.plan
    parts = [
        f"{__version__} {request.engine.installed.sha256} {plan.seed} {plan.resamples} {plan.trees}",
        *(_told(case) for case in request.manifest.cases),
        *(case.path for case in scored.cases),
    ]
    digest = hashlib.sha256("\n".join(parts).encode())
    digest.update(scored.probabilities.tobytes())
    digest.update(scored.grey.tobytes())
    return digest.hexdigest()


def _told(case: Case) -> str:
    labels = sorted((name, value) for name, value in case.labels.items() if value is not None)
    facts = (case.path, case.source, case.patient_id, case.duplicate_group, case.split, case.fold)
    return repr((*facts, labels, sorted(case.possible), case.age, case.sex, case.view, case.mask, case.sha256))


def _comparison(run: _Run) -> object:
    request = run.request
    other = request.against
    assert other is not None  # noqa: S101  the section is made only against another bundle
    scoring = partial(run.progress, f"Scoring with {other.bundle.name} {other.bundle.version}")
    scored = score(other, request.manifest, request.cases, run.work, scoring)
    names = [f"{engine.bundle.name} {engine.bundle.version}" for engine in (request.engine, other)]
    return compare(
        request.manifest.task,
        run.scored,
        scored,
        request.engine.bundle.thresholds,
        other.bundle.thresholds,
        request.plan,
        (names[0], names[1]),
    )


def _feature_studies(run: _Run) -> object:
    request = run.request
    return feature_studies(request.engine, request.manifest, run.scored, run.work, request.plan, run.progress)


def _robustness(run: _Run) -> object:
    request = run.request
    return robustness(request.engine, request.manifest, run.scored, run.work, request.plan, run.progress)


def _explanations(run: _Run) -> object:
    request = run.request
    return explanation_tests(request.engine, request.manifest, run.scored.cases, run.work, request.plan, run.progress)


_MAKERS: Mapping[str, Callable[[_Run], object]] = MappingProxyType(
    {
        "comparison": _comparison,
        "feature_studies": _feature_studies,
        "robustness": _robustness,
        "explanations": _explanations,
    }
)
"""How each of the studies that may be left out is made."""
