"""What readers do with a case: see it, answer, attach a diagnosis, close it, erase its images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from radiolens.errors import InputError, UnknownCase, WrongState
from radiolens.inference.predict import AUTO
from radiolens.prediction import Prediction, Presence
from radiolens.store import audit, site_settings
from radiolens.store.clock import moment
from radiolens.store.schema import (
    AnswerRow,
    AnswerStage,
    CaseRow,
    CaseState,
    DiagnosisRow,
    ImageRow,
    ImageState,
    UserRow,
)
from radiolens.tasks import TASKS, get_task
from radiolens.worklist.agreement import fitting
from radiolens.worklist.disclosure import Failure, disclosed_to, may_show, shown_state
from radiolens.worklist.facts import facts_from_record
from radiolens.worklist.keeping import KeptFilter, kept_images
from radiolens.worklist.listing import summaries
from radiolens.worklist.queue import restate
from radiolens.worklist.results import UNFINISHED, answer_of, findings_of, tasks_of
from radiolens.worklist.views import AnswerView, CaseView, DiagnosisView, ImageView, ShownProblem

__all__ = ["LONGEST_TEXT", "Answer", "answer", "close", "diagnose", "erase_images", "image_of", "unknown_case", "view"]

LONGEST_TEXT = 4000
"""Characters of a reason or a comment."""

_LONGEST_TEST = 60
_ERASED = MappingProxyType(
    {"code": Failure.ERASED.value, "message": "The image was erased before it was judged. Send it again if need be."}
)


@dataclass(frozen=True)
class Answer:
    """What a reader says of a case.

    `presence` is by label, for those that the reader judged. `agreed` says whether the network's answer is confirmed
    (True) or overridden (False, with a reason); None leaves it to follow from `presence`. That answer is the one to the
    image `image_id`, which the reader looked at, or what those to all images come to.
    """

    presence: Mapping[str, Presence]
    agreed: bool | None = None
    reason: str = ""
    comment: str = ""
    image_id: UUID | None = None


def view(session: Session, viewer: UUID, case_id: UUID) -> CaseView:
    """Return a case as the user may see it; raise UnknownCase if there is none of this id."""
    row, disclosed = _case(session, viewer, case_id)
    (summary,) = summaries(session, viewer, [case_id])
    names = {user.id: user.name for user in session.scalars(select(UserRow))} if disclosed else {}
    site = site_settings.read(session)
    kept = {entry.image_id: entry.erase_after for entry in kept_images(session, KeptFilter(case_id=case_id))}
    return CaseView(
        summary=summary,
        images=tuple(_image_view(image, kept.get(image.id), disclosed=disclosed) for image in row.images),
        answers=tuple(_answer_view(entry, names, viewer) for entry in row.answers) if disclosed else (),
        diagnoses=tuple(_diagnosis_view(entry, names) for entry in row.diagnoses) if disclosed else (),
        tasks=_tasks(row),
        keep_days=site.keep_days if site.keep_images else None,
    )


def answer(session: Session, reader: UUID, case_id: UUID, said: Answer) -> None:
    """Commit a reader's answer; from now on the network's is disclosed to the reader.

    Raises UnknownCase, WrongState if the case is closed or its answer is confirmed or overridden while it is hidden,
    and InputError for unknown labels, none at all, an `agreed` that does not fit them, a missing reason or a text that
    is too long.
    """
    row, disclosed = _case(session, reader, case_id, lock=True)
    _check_open(row)
    _check_labels(said.presence, _tasks(row))
    if max(len(said.reason), len(said.comment)) > LONGEST_TEXT:
        raise InputError(f"A reason or comment may have {LONGEST_TEXT} characters. Shorten it.")
    agreed = _agreed(row, said, disclosed=disclosed)
    if agreed is False and not said.reason.strip():
        raise InputError("The network's answer is overridden without a reason. Say why.")
    now = moment(session)
    stage = AnswerStage.AFTER if disclosed else AnswerStage.BEFORE
    session.add(
        AnswerRow(
            case_id=case_id,
            user_id=reader,
            stage=stage,
            presence={label: presence.value for label, presence in said.presence.items()},
            agreed=agreed,
            reason=said.reason.strip() or None,
            comment=said.comment.strip() or None,
            created=now,
        )
    )
    row.changed = now
    # Not whether it agrees: who reads the log may have to answer the case yet.
    audit.append(session, reader, "case.answer", f"case:{case_id}", {"stage": stage.value})


def diagnose(session: Session, user: UUID, case_id: UUID, presence: Mapping[str, Presence], test: str) -> None:
    """Attach what another test told; the last one counts. Closed cases take one, too.

    Raises UnknownCase, WrongState while the network's answer is hidden from the user, and InputError for unknown labels
    or a test without a name.
    """
    row, disclosed = _case(session, user, case_id, lock=True)
    if not disclosed:
        raise WrongState("The network's answer is not revealed yet. Commit an answer of your own first.")
    _check_labels(presence, _tasks(row))
    if not 0 < len(test.strip()) <= _LONGEST_TEST:
        raise InputError(f"Name the test in 1 to {_LONGEST_TEST} characters, for instance Xpert.")
    now = moment(session)
    told = {label: one.value for label, one in presence.items()}
    session.add(DiagnosisRow(case_id=case_id, presence=told, test=test.strip(), user_id=user, created=now))
    row.changed = now
    audit.append(session, user, "case.diagnose", f"case:{case_id}", {"test": test.strip()})


def close(session: Session, user: UUID, case_id: UUID) -> tuple[str, ...]:
    """Close a case, and return the working copies to be erased once the transaction has ended.

    Raises UnknownCase, and WrongState if it is closed already or an image still waits.
    """
    row, _ = _case(session, user, case_id, lock=True)
    _check_open(row)
    if any(image.state in UNFINISHED for image in row.images):
        raise WrongState("Images of this case still wait to be judged. Wait for them, or erase them.")
    names = _forget_copies(session, row)
    row.state, row.closed, row.closed_by = CaseState.CLOSED, moment(session), user
    audit.append(session, user, "case.close", f"case:{case_id}", {"erased": len(names)})
    return names


def erase_images(session: Session, actor: UUID | str, case_id: UUID) -> tuple[str, ...]:
    """Let go of a case's images, and return the working copies to be erased once the transaction has ended.

    What still waits is not judged any more. Raises UnknownCase.
    """
    row = _locked(session, case_id)
    names = _forget_copies(session, row)
    audit.append(session, actor, "case.erase", f"case:{case_id}", {"erased": len(names)})
    return names


def image_of(session: Session, viewer: UUID, case_id: UUID, image_id: UUID) -> tuple[ImageRow, bool]:
    """Return an image of a case, and whether its answer is disclosed to the user; raise UnknownCase for none."""
    query = select(ImageRow, disclosed_to(viewer)).join(CaseRow, CaseRow.id == ImageRow.case_id)
    found = session.execute(query.where(CaseRow.id == case_id, ImageRow.id == image_id)).one_or_none()
    if found is None:
        raise _unknown_image()
    return found[0], bool(found[1])


def _case(session: Session, viewer: UUID, case_id: UUID, *, lock: bool = False) -> tuple[CaseRow, bool]:
    if lock:
        _locked(session, case_id)
    found = session.execute(select(CaseRow, disclosed_to(viewer)).where(CaseRow.id == case_id)).one_or_none()
    if found is None:
        raise unknown_case()
    return found[0], bool(found[1])


def _locked(session: Session, case_id: UUID) -> CaseRow:
    row = session.scalars(select(CaseRow).where(CaseRow.id == case_id).with_for_update()).one_or_none()
    if row is None:
        raise unknown_case()
    return row


def unknown_case() -> UnknownCase:
    """Return what is raised for a case that there is not."""
    return UnknownCase("There is no case of this number. Go back to the work list.")


def _unknown_image() -> UnknownCase:
    return UnknownCase("The case has no such image. Go back to the work list.")


def _check_open(row: CaseRow) -> None:
    if row.state is CaseState.CLOSED:
        raise WrongState("The case is closed.")


def _check_labels(presence: Mapping[str, Presence], tasks: Sequence[str]) -> None:
    known = [label for task in tasks for label in get_task(task).label_names]
    strange = sorted(set(presence) - set(known))
    if strange or not presence:
        found = ", ".join(word[:40] for word in strange) or "none"
        raise InputError(f"Expected findings among {', '.join(known)}; found {found}.")


def _agreed(row: CaseRow, said: Answer, *, disclosed: bool) -> bool | None:
    """Return whether an answer confirms or overrides the network's; None where it does neither, or that is hidden."""
    if not disclosed and said.agreed is not None:
        raise WrongState(
            "The network's answer is not revealed yet, so it can be neither confirmed nor overridden. Commit an answer "
            "of your own first."
        )
    if not disclosed:
        return None
    images = [image for image in row.images if said.image_id in (None, image.id)]
    if not images:
        raise _unknown_image()
    return fitting(said.agreed, said.presence, findings_of(_answers(images)))


def _answers(images: Iterable[ImageRow]) -> Iterator[Prediction]:
    return (found for image in images if (found := answer_of(image)))


def _tasks(row: CaseRow) -> tuple[str, ...]:
    """Return the tasks by which the case can be judged: the routed ones, else the asked one, else all."""
    routed = tasks_of(_answers(row.images))
    if routed:
        return routed
    return tuple(task.name for task in TASKS) if row.task == AUTO else (row.task,)


def _forget_copies(session: Session, row: CaseRow) -> tuple[str, ...]:
    now = moment(session)
    names = tuple(name for image in row.images for name in (image.store_name, image.map_name) if name)
    for image in row.images:
        if image.store_name or image.map_name:
            image.store_name = image.map_name = None
            image.erased = image.changed = now
        if image.state in UNFINISHED:
            image.state, image.problem, image.finished = ImageState.FAILED, dict(_ERASED), now
            image.lease_owner = image.lease_until = None
    if names:
        row.erased = now
    restate(session, row)
    return names


def _image_view(image: ImageRow, kept_until: datetime | None, *, disclosed: bool) -> ImageView:
    prediction = answer_of(image)
    problems = tuple(_problems(image, prediction))
    facts = facts_from_record(image.facts) if image.facts else None
    return ImageView(
        image_id=image.id,
        position=image.position,
        files=image.files,
        size_bytes=image.size_bytes,
        state=shown_state(image.state, [problem.code for problem in problems], disclosed=disclosed),
        working_copy=image.store_name is not None,
        problems=tuple(problem for problem in problems if may_show(problem.code, disclosed=disclosed)),
        prediction=prediction if disclosed else None,
        facts=facts if disclosed or not facts else facts.without_answer(),
        kept_until=kept_until,
    )


def _problems(image: ImageRow, prediction: Prediction | None) -> Iterator[ShownProblem]:
    if image.problem:
        yield ShownProblem(image.problem["code"], image.problem["message"])
    for problem in prediction.quality.problems if prediction else ():
        yield ShownProblem(problem.code.value, problem.message)


def _answer_view(row: AnswerRow, names: Mapping[UUID, str], viewer: UUID) -> AnswerView:
    return AnswerView(
        user=names[row.user_id],
        mine=row.user_id == viewer,
        stage=row.stage,
        presence=_presence(row.presence),
        agreed=row.agreed,
        reason=row.reason or "",
        comment=row.comment or "",
        created=row.created,
    )


def _diagnosis_view(row: DiagnosisRow, names: Mapping[UUID, str]) -> DiagnosisView:
    return DiagnosisView(names[row.user_id], _presence(row.presence), row.test, row.created)


def _presence(content: Mapping[str, str]) -> Mapping[str, Presence]:
    return MappingProxyType({label: Presence(word) for label, word in content.items()})
