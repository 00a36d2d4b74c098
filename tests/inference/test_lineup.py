"""Which versions answer by a site's choice, and that a change of it disturbs nobody."""

from __future__ import annotations

import gc
import json
import logging
import shutil
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from time import monotonic

import numpy as np
import pytest

from radiolens.bundle import read_bundle
from radiolens.errors import BundleError
from radiolens.image import Image, Source, Unit
from radiolens.imaging.resample import Slice
from radiolens.inference.engine import Engine
from radiolens.inference.gate_network import GateNetwork
from radiolens.inference.lineup import Choice, Lineup, LiveLineup
from radiolens.inference.predict import Predictor
from radiolens.prediction import BundleIdentity
from radiolens.profile import Profile
from radiolens.safety.gate import Gate
from radiolens.safety.sight import Sight
from tests.phantoms import chest_film
from tests.tiny_bundle import make_bundle
from tests.tiny_gate import make_gate

FILM = Image(chest_film(200, 180)[None], Unit.UNIT_INTERVAL, Source("png"))


@dataclass
class Site:
    """A folder of bundles, and what the site has chosen of them."""

    folder: Path
    choice: Choice = field(default_factory=Choice)

    def live(self) -> LiveLineup:
        return LiveLineup((self.folder,), lambda: self.choice, gate=Gate.HEADER)

    def identity(self, version: str, name: str = "chest-xray") -> BundleIdentity:
        return read_bundle(self.folder / name / version, verify=False).identity


def version(lineup: Lineup, task: str = "chest-xray") -> str:
    return lineup.predictor.bundle(task).version


def scores(predictor: Predictor) -> Sequence[float]:
    return [entry.probability for entry in predictor.predict_image(FILM, "chest-xray").findings]


def scores_alone(tmp_path: Path, seed: int) -> Sequence[float]:
    """Return what a bundle of this seed answers where nothing else lies."""
    folder = tmp_path / f"alone-{seed}"
    if not folder.is_dir():
        make_bundle(folder, seed=seed)
    return scores(Predictor.open([folder], gate=Gate.HEADER))


def shadow_of(lineup: Lineup) -> Predictor:
    assert lineup.shadow is not None
    return lineup.shadow


def edit(folder: Path, **changes: object) -> None:
    file = folder / "bundle.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a site with two versions of one bundle, of seeds 1 and 2, and one of another."""
    make_bundle(tmp_path / "site", seed=1, version="0.1.0")
    make_bundle(tmp_path / "site", seed=2, version="0.2.0")
    make_bundle(tmp_path / "site", "brain-mri")
    return Site(tmp_path / "site")


def test_the_newest_version_answers_until_another_one_is_chosen(site: Site, tmp_path: Path) -> None:
    live = site.live()
    assert (version(live.now), scores(live.now.predictor)) == ("0.2.0", scores_alone(tmp_path, 2))
    site.choice = Choice(active=(site.identity("0.1.0"),))
    assert version(live.now) == "0.2.0", "a choice counts from the moment it is followed"
    assert version(live.follow()) == version(live.now) == "0.1.0"
    assert scores(live.now.predictor) == scores_alone(tmp_path, 1)
    assert version(live.now, "brain-mri") == "0.0.1"
    site.choice = Choice(active=(site.identity("0.2.0"),))
    assert scores(live.follow().predictor) == scores_alone(tmp_path, 2)


def test_a_lineup_tells_which_version_of_a_bundle_answers_and_which_is_in_the_shadow(site: Site) -> None:
    live, new, old = site.live(), site.identity("0.2.0"), site.identity("0.1.0")
    found = live.now.answering("chest-xray")
    assert found is not None
    assert found.identity == new
    assert live.now.answering("brain-ct") is live.now.in_shadow("chest-xray") is None
    site.choice = Choice(active=(new,), shadow=(old,))
    shadow = live.follow().in_shadow("chest-xray")
    assert shadow is not None
    assert shadow.identity == old
    assert live.now.in_shadow("brain-mri") is None


def test_a_choice_holds_after_a_start_and_nothing_is_built_anew_while_it_stays(site: Site) -> None:
    site.choice = Choice(active=(site.identity("0.1.0"),))
    live = site.live()
    assert version(live.now) == "0.1.0"
    assert live.follow() is live.now is live.follow()


def test_what_another_process_chose_may_be_known_a_little_later(site: Site) -> None:
    live = site.live()
    live.follow()
    site.choice = Choice(active=(site.identity("0.1.0"),))
    assert version(live.follow(within_s=60.0)) == "0.2.0"
    assert version(live.follow()) == version(live.follow(within_s=60.0)) == "0.1.0"


def test_whoever_has_begun_ends_with_the_old_version_and_networks_that_stay_are_not_opened_again(site: Site) -> None:
    live = site.live()
    begun = live.now
    engine, other = begun.predictor.engine("chest-xray"), begun.predictor.engine("brain-mri")
    site.choice = Choice(active=(site.identity("0.1.0"),))
    now = live.follow()
    assert begun.predictor.engine("chest-xray") is engine
    assert begun.predictor.predict_image(FILM, "chest-xray").bundle == site.identity("0.2.0")
    assert now.predictor.engine("brain-mri") is other
    assert now.predictor.predict_image(FILM, "chest-xray").bundle == site.identity("0.1.0")


def test_networks_of_answer_and_shadow_stay_open_when_choice_profile_or_places_change(site: Site) -> None:
    first, second = site.identity("0.1.0"), site.identity("0.2.0")
    site.choice = Choice(active=(first,), shadow=(second,))
    live = site.live()
    live.now.open_all()
    answering, behind = live.now.predictor.engine("chest-xray"), shadow_of(live.now).engine("chest-xray")
    profile = Profile("clinic A", first.sha256, {"pneumonia": 0.0}, "", first.name, first.version)
    site.choice = Choice(active=(first,), shadow=(second,), profiles=(profile,))
    lineup = live.follow()
    assert lineup.predictor.engine("chest-xray") is answering
    assert shadow_of(lineup).engine("chest-xray") is behind
    site.choice = Choice(active=(second,), shadow=(first,))
    lineup = live.follow()
    assert lineup.predictor.engine("chest-xray") is behind
    assert shadow_of(lineup).engine("chest-xray") is answering


def test_a_network_that_no_lineup_needs_is_let_go(site: Site) -> None:
    site.choice = Choice(active=(site.identity("0.2.0"),), shadow=(site.identity("0.1.0"),))
    live = site.live()
    live.now.open_all()
    answering = weakref.ref(live.now.predictor.engine("chest-xray"))
    behind = weakref.ref(shadow_of(live.now).engine("chest-xray"))
    site.choice = Choice(active=(site.identity("0.1.0"),))
    live.follow()
    gc.collect()
    assert answering() is None
    assert behind() is live.now.predictor.engine("chest-xray")


def test_answers_do_not_wait_for_a_network_that_is_being_opened(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.choice = Choice(active=(site.identity("0.2.0"),))
    live = site.live()
    live.now.open_all()
    begun, go_on, opened = Event(), Event(), Engine.open

    def slowly(folder: Path, threads: int = 0) -> Engine:
        begun.set()
        assert go_on.wait(60)
        return opened(folder, threads)

    monkeypatch.setattr(Engine, "open", slowly)
    site.choice = Choice(active=(site.identity("0.1.0"),))
    with ThreadPoolExecutor(2) as threads:
        try:
            change = threads.submit(live.follow)
            assert begun.wait(60)
            answer = threads.submit(live.now.predictor.predict_image, FILM, "chest-xray").result(60)
            assert answer.bundle == site.identity("0.2.0")
            assert not change.done()
        finally:
            go_on.set()
        assert version(change.result(60)) == "0.1.0"


def test_one_gate_looks_once_at_an_image_of_answer_and_shadow(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    make_gate(site.folder)
    site.choice = Choice(active=(site.identity("0.1.0"),), shadow=(site.identity("0.2.0"),))
    lineup = LiveLineup((site.folder,), lambda: site.choice).now
    looks, look = [], GateNetwork.look

    def counted(gate: GateNetwork, pixels: Slice, unit: Unit) -> Sight:
        looks.append(gate)
        return look(gate, pixels, unit)

    monkeypatch.setattr(GateNetwork, "look", counted)
    answer = lineup.predictor.predict_image(FILM, "chest-xray")
    said = lineup.shadow_answer(FILM, answer)
    assert said is not None
    assert said.answered
    assert looks == [lineup.predictor.shelf.gate()]
    assert shadow_of(lineup).shelf.gate() is looks[0]


def test_every_answer_of_many_threads_is_whole_while_versions_change(site: Site, tmp_path: Path) -> None:
    expected = {"0.1.0": scores_alone(tmp_path, 1), "0.2.0": scores_alone(tmp_path, 2)}
    live, end = site.live(), monotonic() + 60
    choices = [Choice(active=(site.identity(name),)) for name in expected]

    def ask(_: int) -> set[str]:
        seen: set[str] = set()
        while seen != set(expected) and monotonic() < end:
            answer = live.follow().predictor.predict_image(FILM, "chest-xray")
            assert answer.bundle is not None
            assert [entry.probability for entry in answer.findings] == expected[answer.bundle.version]
            seen.add(answer.bundle.version)
        return seen

    with ThreadPoolExecutor(4) as threads:
        running = [threads.submit(ask, number) for number in range(4)]
        while not all(found.done() for found in running):
            choices.reverse()
            site.choice = choices[0]
            live.follow()
        assert [found.result() for found in running] == 4 * [set(expected)]


def test_a_version_that_arrives_later_answers_when_it_is_chosen_and_not_by_another_choice(site: Site) -> None:
    live = site.live()
    make_bundle(site.folder, "brain-mri", seed=5, version="0.9.0")
    make_bundle(site.folder, seed=3, version="0.3.0")
    site.choice = Choice(active=(site.identity("0.1.0"),))
    assert version(live.follow(), "brain-mri") == "0.0.1"
    site.choice = Choice(active=(site.identity("0.3.0"),))
    assert (version(live.follow()), version(live.now, "brain-mri")) == ("0.3.0", "0.0.1")
    assert version(site.live().now, "brain-mri") == "0.9.0", "after a start, the newest of what nobody chose"


def gone(folder: Path) -> None:
    shutil.rmtree(folder)


def replaced(folder: Path) -> None:
    gone(folder)
    make_bundle(folder.parents[1], seed=9, version=folder.name)


def unreadable(folder: Path) -> None:
    edit(folder, format=2)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (gone, r"it is no longer installed \(installed: 0\.2\.0\)\. Install it again, or activate another version"),
        (replaced, r"what lies there now has the hash [0-9a-f]{12}\. Install it again"),
        (unreadable, "made for another version of radiolens"),
    ],
)
def test_where_the_chosen_version_is_not_what_was_chosen_no_other_answers_in_its_place(
    site: Site, damage: object, reason: str
) -> None:
    chosen = site.identity("0.1.0")
    assert callable(damage)
    damage(site.folder / "chest-xray/0.1.0")
    site.choice = Choice(active=(chosen,))
    lineup = site.live().now
    assert lineup.predictor.tasks == ("brain-mri",)
    with pytest.raises(BundleError, match=rf"chest-xray 0\.1\.0 cannot be used\. This version \(hash .*{reason}"):
        lineup.predictor.predict_image(FILM, "chest-xray")


def test_a_chosen_version_that_cannot_be_opened_is_not_replaced_by_the_one_before_it(site: Site) -> None:
    model = site.folder / "chest-xray/0.2.0/model.onnx"
    model.write_bytes(model.read_bytes()[:-3])
    site.choice = Choice(active=(site.identity("0.2.0"),))
    lineup = site.live().now
    lineup.open_all()
    with pytest.raises(BundleError, match=r"chest-xray 0\.2\.0 cannot be used\. .*model\.onnx has another SHA-256"):
        lineup.predictor.predict_image(FILM, "chest-xray")
    site.choice = Choice()
    free = site.live().now
    free.open_all()
    assert version(free) == "0.1.0"


def test_a_bundle_that_is_replaced_while_the_program_runs_does_not_answer_under_the_old_name(site: Site) -> None:
    site.choice = Choice(active=(site.identity("0.1.0"),))
    lineup = site.live().now
    replaced(site.folder / "chest-xray/0.1.0")
    with pytest.raises(BundleError, match=r"was replaced while the program ran: expected [0-9a-f]{64}, found"):
        lineup.predictor.engine("chest-xray")


def test_the_shadow_answers_beside_the_active_version_and_for_no_other_bundle(site: Site, tmp_path: Path) -> None:
    active, shadow = site.identity("0.1.0"), site.identity("0.2.0")
    site.choice = Choice(active=(active,), shadow=(shadow,))
    lineup = site.live().now
    answer = lineup.predictor.predict_image(FILM, "chest-xray")
    said = lineup.shadow_answer(FILM, answer)
    assert answer.bundle == active
    assert said is not None
    assert said.bundle == shadow
    assert [entry.probability for entry in said.findings] == scores_alone(tmp_path, 2)
    assert said.explanation is None
    head = Image(FILM.pixels, Unit.ARBITRARY, Source("png"))
    assert lineup.shadow_answer(head, lineup.predictor.predict_image(head, "brain-mri")) is None
    site.choice = Choice(active=(active,))
    assert site.live().now.shadow_answer(FILM, answer) is None


def test_a_refused_image_has_no_answer_of_the_shadow(site: Site) -> None:
    site.choice = Choice(active=(site.identity("0.1.0"),), shadow=(site.identity("0.2.0"),))
    lineup = site.live().now
    tiny = Image(np.zeros((1, 20, 20), np.float32), Unit.UNIT_INTERVAL, Source("png"))
    refused = lineup.predictor.predict_image(tiny, "chest-xray")
    assert not refused.answered
    assert lineup.shadow_answer(tiny, refused) is None


def test_a_shadow_that_cannot_answer_is_told_to_the_log_and_disturbs_nothing(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    model = site.folder / "chest-xray/0.2.0/model.onnx"
    model.write_bytes(model.read_bytes()[:-3])
    site.choice = Choice(active=(site.identity("0.1.0"),), shadow=(site.identity("0.2.0"),))
    lineup = site.live().now
    with caplog.at_level(logging.WARNING):
        answer = lineup.predictor.predict_image(FILM, "chest-xray")
        assert lineup.shadow_answer(FILM, answer) is None
    assert answer.answered
    assert "The shadow chest-xray 0.2.0 gave no answer." in caplog.text


def test_a_profile_decides_on_its_version_and_is_told_as_disabled_on_another(site: Site) -> None:
    first = site.identity("0.1.0")
    profile = Profile("clinic A", first.sha256, {"pneumonia": 0.0}, "", first.name, first.version)
    site.choice = Choice(active=(first,), profiles=(profile,))
    live = site.live()
    assert live.now.predictor.predict_image(FILM, "chest-xray").finding("pneumonia").threshold == 0.0
    assert live.now.disabled_profile("chest-xray") is live.now.disabled_profile("brain-mri") is None
    site.choice = Choice(active=(site.identity("0.2.0"),), profiles=(profile,))
    assert live.follow().predictor.predict_image(FILM, "chest-xray").finding("pneumonia").threshold == 0.5
    assert live.now.disabled_profile("chest-xray") == profile
    assert live.now.disabled_profile("none") is None
