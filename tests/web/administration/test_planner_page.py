"""The threshold planner in the app: from the site's outcomes to a profile that decides, and what switches it off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest
from starlette.testclient import TestClient

from radiolens.bundle import InstalledBundle, read_bundle
from radiolens.evaluation.cut_offs import Practice
from radiolens.evaluation.plan_steps import rule_of_step
from radiolens.evaluation.threshold_plan import plan_threshold
from radiolens.store import models as store
from radiolens.store.database import Database
from radiolens.store.schema import LOCAL_USER_ID
from radiolens.web.administration.planner import Asked, site_cases
from tests.tiny_bundle import make_bundle
from tests.web.administration.outcomes import add_case, answer, fill
from tests.web.serving import film, local_client, png
from tests.zones import computer_in


@dataclass(frozen=True)
class Site:
    """A running app with two versions of a bundle, the newer of which answers, and cases of it."""

    client: TestClient
    old: InstalledBundle
    new: InstalledBundle

    @property
    def database(self) -> Database:
        found: Database = self.client.app.state.database  # type: ignore[attr-defined]  the app is a FastAPI
        return found

    def question(self, bundle: InstalledBundle | None = None, label: str = "tuberculosis") -> str:
        return f"{(bundle or self.new).sha256}:{label}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("home")
    old = read_bundle(make_bundle(home / "bundles", seed=1, version="7.0.0"))
    new = read_bundle(make_bundle(home / "bundles", seed=2, version="8.0.0"))
    with local_client(home=home, gate="header") as client:
        found = Site(client, old, new)
        fill(found.database, new, ill=25, well=40)
        add_case(found.database, [(answer(new, {"pneumonia": 0.2, "tuberculosis": 0.5}), False)])
        yield found


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def hidden(html: str) -> dict[str, str]:
    return dict(re.findall(r'type="hidden" name="(question|digest|prevalence|step)" value="([^"]*)"', html))


def thresholds(site: Site) -> dict[str, float]:
    """Return by which threshold each label is decided."""
    sent = {"files": {"file": ("a.png", png(film()))}, "data": {"task": "chest-xray"}}
    found = site.client.post("/api/v1/predictions", **sent).json()["findings"]  # type: ignore[arg-type]  as declared
    return {entry["label"]: entry["threshold"] for entry in found}


def test_the_page_begins_with_what_is_known_most_of_and_tells_what_does_not_count(site: Site) -> None:
    page = site.client.get("/thresholds")
    assert page.status_code == 200
    told = plain(page.text)
    assert "Tuberculosis, chest-xray 8.0.0" in told
    assert "There are 25 images of cases that have it and 40 that do not." in told
    assert "1 answered image has no diagnosis yet and does not count." in told
    assert "The network&#39;s own threshold is 50.00 %; the site has planned none." in told
    assert f'value="{100 * 25 / 65:.2f}"' in page.text


def test_too_few_cases_are_told_and_not_drawn(site: Site) -> None:
    page = site.client.get("/thresholds", params={"question": site.question(label="pneumonia")})
    assert "At least 10 of each are needed" in plain(page.text)
    assert "<svg viewBox" not in page.text
    answer_ = site.client.get("/thresholds/curves", params={"question": site.question(label="pneumonia")})
    assert (answer_.status_code, answer_.json()["title"]) == (409, "Too few cases")


def test_a_jump_puts_the_slider_where_the_rule_of_the_command_line_chooses(site: Site) -> None:
    page = site.client.get("/thresholds", params={"question": site.question(), "jump": "sensitivity-90"})
    at = int(re.findall(r'data-at="(\d+)"', page.text)[0])
    with site.database.reading() as session:
        found = site_cases(session, LOCAL_USER_ID, Asked(site.new, "tuberculosis"))
    assert found.steps is not None
    step = found.steps.steps[at]
    assert step.sensitivity.estimate == pytest.approx(23 / 25)
    assert f'data-figure="missed">{step.missed_per_1000:.1f}<' in page.text


def test_another_prevalence_changes_predictive_values_alone(site: Site) -> None:
    asked = {"question": site.question()}
    one = site.client.get("/thresholds/curves", params={**asked, "prevalence": 2}).json()
    other = site.client.get("/thresholds/curves", params={**asked, "prevalence": 20}).json()
    assert one["digest"] == other["digest"]
    assert one["curves"]["sensitivity"] == other["curves"]["sensitivity"]
    assert one["curves"]["ppv"] != other["curves"]["ppv"]
    assert [step["texts"]["specificity"] for step in one["steps"]] == [
        step["texts"]["specificity"] for step in other["steps"]
    ]
    assert one["steps"][0]["texts"]["ppv"] != other["steps"][0]["texts"]["ppv"]


def test_a_threshold_is_looked_at_saved_decides_and_is_switched_off_by_another_version(site: Site) -> None:
    page = site.client.get(
        "/thresholds", params={"question": site.question(), "prevalence": 5, "jump": "sensitivity-95"}
    )
    form = {**hidden(page.text), "step": re.findall(r'data-at="(\d+)"', page.text)[0]}
    with site.database.reading() as session:
        found = site_cases(session, LOCAL_USER_ID, Asked(site.new, "tuberculosis", 0.05))
    assert found.steps is not None
    step = found.steps.steps[int(form["step"])]
    plan = plan_threshold(found.cases, rule_of_step(step), Practice(0.05), 0.05)

    review = site.client.post("/thresholds/review", data=form)
    told = plain(review.text)
    assert f"Tuberculosis, chest-xray 8.0.0: {100 * plan.chosen.threshold:.2f} %" in told
    assert f"corrected for optimism {100 * plan.corrected.sensitivity.estimate:.1f} % (" in told
    assert "Chosen on 25 images with and 40 without the finding, of 65 patients." in told
    assert "The WHO&#39;s target for a triage test of 2014" in told
    assert thresholds(site)["tuberculosis"] == 0.5

    saved = site.client.post("/thresholds/save", data=hidden(review.text))
    assert "The threshold was saved. It decides from now on." in plain(saved.text)
    assert thresholds(site) == {"pneumonia": 0.5, "tuberculosis": pytest.approx(plan.chosen.threshold)}

    site.client.post(f"/models/{site.old.sha256}/activate")
    assert thresholds(site)["tuberculosis"] == 0.5
    told = plain(site.client.get("/thresholds").text)
    note = "The thresholds of this site are switched off: they were planned for chest-xray 8.0.0 ("
    assert note in told
    assert "Switched off: its network does not answer now" in told
    assert note in plain(site.client.get("/models").text)

    site.client.post(f"/models/{site.new.sha256}/activate")
    assert thresholds(site)["tuberculosis"] == pytest.approx(plan.chosen.threshold)
    told = plain(site.client.get("/thresholds", params={"question": site.question()}).text)
    assert note not in told
    assert "The site&#39;s threshold is" in told

    profile = re.findall(r"/thresholds/([0-9a-f-]{36})/withdraw", saved.text)[0]
    withdrawn = site.client.post(f"/thresholds/{profile}/withdraw", data={"reason": "children only"})
    assert "Withdrawn: children only" in plain(withdrawn.text)
    assert thresholds(site)["tuberculosis"] == 0.5


def test_a_second_label_keeps_the_first_of_the_same_network(site: Site) -> None:
    for number in range(24):
        shares = {"pneumonia": 0.3 + number / 50, "tuberculosis": 0.2}
        outcome = {"pneumonia": "present" if number >= 10 else "absent"}
        add_case(site.database, [(answer(site.new, shares), False)], [outcome])
    for label in ("tuberculosis", "pneumonia"):
        page = site.client.get("/thresholds", params={"question": site.question(label=label), "jump": "youden"})
        form = {**hidden(page.text), "step": re.findall(r'data-at="(\d+)"', page.text)[0]}
        assert site.client.post("/thresholds/save", data=form).status_code == 200
    decided = thresholds(site)
    assert 0.5 not in decided.values()


@pytest.mark.parametrize("zone", ["<+14>-14", "<-12>12"])  # of which one always has another day than UTC
def test_a_threshold_is_chosen_on_the_day_of_the_site(site: Site, zone: str) -> None:
    page = site.client.get("/thresholds", params={"question": site.question(), "jump": "youden"})
    form = {**hidden(page.text), "step": re.findall(r'data-at="(\d+)"', page.text)[0]}
    with computer_in(zone):
        days = {datetime.now().astimezone().date()}
        assert site.client.post("/thresholds/save", data=form).status_code == 200
        days.add(datetime.now().astimezone().date())  # midnight may have come meanwhile
    with site.database.reading() as session:
        evidence = " ".join(profile.evidence for profile in store.read_choice(session).profiles)
    assert any(f"tuberculosis: chosen on {day.isoformat()} by" in evidence for day in days)


def test_a_form_on_other_cases_than_those_of_now_is_refused(site: Site) -> None:
    page = site.client.get("/thresholds", params={"question": site.question()})
    form = {**hidden(page.text), "step": "0"}
    fill(site.database, site.new, ill=1, well=0, seed=5)
    for action in ("review", "save"):
        refused = site.client.post(f"/thresholds/{action}", data=form)
        assert (refused.status_code, refused.json()["title"]) == (409, "The cases have changed")


def test_a_network_that_neither_answers_nor_is_in_the_shadow_cannot_be_planned_for(site: Site) -> None:
    asked = {"question": site.question(site.old)}
    assert site.client.get("/thresholds", params=asked).status_code == 404
    site.client.post(f"/models/{site.old.sha256}/shadow")
    assert "Tuberculosis, chest-xray 7.0.0" in plain(site.client.get("/thresholds", params=asked).text)
    site.client.post(f"/models/{site.old.sha256}/end-shadow")


@pytest.mark.parametrize("prevalence", ["0", "100", "many"])
def test_a_prevalence_that_is_none_is_refused(site: Site, prevalence: str) -> None:
    assert site.client.get("/thresholds", params={"prevalence": prevalence}).status_code == 422
