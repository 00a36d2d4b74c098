import json
from pathlib import Path

import numpy as np
import pytest

from radiolens.bundle import write_evidence_hashes
from radiolens.errors import BundleError, CorruptBundle, DatasetError
from radiolens.image import Image, Source, Unit
from radiolens.inference.gate_network import GateNetwork
from radiolens.safety.sight import Kind
from radiolens.validation.gate.evidence import GatePlan, make_gate_evidence, write_gate_evidence
from radiolens.validation.gate.pictures import Asked, defective, drawn, genuine, others
from radiolens.validation.gate.seal import gate_page, seal_gate, verify_gate_evidence
from radiolens.validation.gate.study import Answers, answers_of, control, rows, study_of
from tests.shared_data import SHARED, needs_shared_data
from tests.tiny_gate import KINDS, make_gate


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> GateNetwork:
    """A gate to which what is brighter below is a chest film, and what is brighter above a page."""
    kernel = np.zeros((4, 8), np.float32)
    kernel[2:, KINDS.index(Kind.CHEST_FRONTAL)] = 20
    kernel[:2, KINDS.index(Kind.OTHER)] = 20
    bias = np.array([0, 0, 0, 0, 0, -9, -9, -9], np.float32)
    limits = {"kind": 0.5, "rotated": 0.5, "inverted": 0.5, "cropped": 0.5, "distance": 1.1}
    return GateNetwork.open(make_gate(tmp_path_factory.mktemp("gate"), kernel, bias, refuse_from=limits))


def asked(above: float, below: float, group: str, number: int = 0, kind: Kind = Kind.CHEST_FRONTAL) -> Asked:
    """Return a noisy picture of 100 x 80 pixels with two brightnesses, which the exposure check lets pass."""
    random = np.random.default_rng(number)
    pixels = np.repeat([above, below], 50)[:, None] + random.uniform(-0.1, 0.1, (100, 80))
    image = Image(np.clip(pixels, 0, 1).astype(np.float32)[None], Unit.UNIT_INTERVAL, Source("png", (100, 80)))
    return Asked(image, kind, group, f"{group}-{number}")


def films(count: int = 6) -> list[Asked]:
    return [asked(0.2, 0.8, ("a", "b")[number % 2], number) for number in range(count)]


def pages(count: int = 4) -> list[Asked]:
    return [asked(0.8, 0.2, "pages", number, Kind.OTHER) for number in range(count)]


def test_each_picture_goes_the_way_of_auto(network: GateNetwork) -> None:
    film, page = answers_of(network, [films()[0], pages()[0]])
    assert film.passed
    assert (film.task, film.found, film.codes) == ("chest-xray", Kind.CHEST_FRONTAL, ())
    assert not page.passed
    assert (page.task, page.found, page.codes) == ("", Kind.OTHER, ("not_medical_image",))


def test_rows_count_refusals_with_wilsons_interval(network: GateNetwork) -> None:
    found = rows(answers_of(network, [*films(), *pages()]), lambda answer: answer.group)
    assert [(row.group, row.count, row.refused.estimate) for row in found] == [
        ("a", 3, 0),
        ("b", 3, 0),
        ("pages", 4, 1),
    ]
    assert found[2].codes == {"not_medical_image": 4}
    assert found[2].refused.method == "Wilson"
    assert found[2].refused.low == pytest.approx(0.5101, abs=1e-3)
    assert found[0].right_code is None


def test_defects_are_generated_of_as_many_pictures_of_each_source() -> None:
    made = list(defective([*films(20), asked(0.2, 0.8, "c")], 5, seed=1))
    assert len(made) == 25
    assert {answer.defect for answer in made} == {"inverted", "rotated", "cropped", "too_dark", "too_bright"}
    by_source = [sum(picture.group == name for picture in made) // 5 for name in "abc"]
    assert by_source == [2, 2, 1]
    again = list(defective([*films(20), asked(0.2, 0.8, "c")], 5, seed=1))
    assert all(np.array_equal(one.image.pixels, other.image.pixels) for one, other in zip(made, again, strict=True))


def test_the_right_code_is_counted_apart_from_refusals(network: GateNetwork) -> None:
    # Inverted, a film is brighter above: this gate takes it for a page, which is a refusal with another code.
    inverted = [picture for picture in defective(films(), 4) if picture.defect == "inverted"]
    (row,) = rows(answers_of(network, inverted), lambda answer: answer.defect)
    assert row.refused.estimate == 1
    assert row.right_code is not None
    assert row.right_code.estimate == 0


def test_a_study_keeps_external_sources_apart_and_names_what_was_let_pass(network: GateNetwork) -> None:
    strange = asked(0.2, 0.8, "pages", 9, Kind.OTHER)
    answers = Answers(
        answers_of(network, [*films(), asked(0.2, 0.8, "away")]),
        answers_of(network, [*pages(), strange]),
        answers_of(network, list(defective(films(), 2))),
        answers_of(network, list(drawn(films(), 1))),
    )
    study = study_of({}, answers, ["away"])
    assert [row.group for row in study.genuine] == ["a", "b"]
    assert [row.group for row in study.external] == ["away"]
    assert study.all_genuine.count == 6
    assert study.let_pass == ("pages/pages-9",)
    assert study.confusion["other"] == {"chest_frontal": 1, "other": 4}
    assert study.defects[-1].group == "all"
    assert study.defects[-1].count == 10


def test_the_control_is_held_to_the_same_share_of_genuine_pictures() -> None:
    random = np.random.default_rng(0)
    dark = [random.integers(0, 90, (40, 40)).astype(np.uint8) for _ in range(200)]
    bright = [random.integers(160, 255, (40, 40)).astype(np.uint8) for _ in range(40)]
    found = control((dark[:100], bright[:20]), dark[100:], {"bright": bright[20:], "dark": dark[100:]}, 0.05)
    assert found.refused["bright"].estimate == 1
    assert found.refused["dark"].estimate <= 0.05


def test_the_evidence_is_hashed_and_its_page_follows_from_its_figures(network: GateNetwork, tmp_path: Path) -> None:
    answers = Answers(
        answers_of(network, films()),
        answers_of(network, pages()),
        answers_of(network, list(defective(films(), 2))),
        answers_of(network, list(drawn(films(), 1))),
    )
    study = study_of({"command": "radiolens evaluate-gate <data>"}, answers, [])
    content = write_gate_evidence(study, network.installed, tmp_path)
    assert content == json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "1.000 (0.510 to 1.000)" in page.replace("\N{NO-BREAK SPACE}", " ")
    assert page == gate_page(network.installed, content)
    assert "&lt;data&gt;" in page
    assert network.installed.sha256 in page
    assert verify_gate_evidence(network.installed, tmp_path)


def test_a_figure_or_page_that_was_changed_is_found(network: GateNetwork, tmp_path: Path) -> None:
    said = answers_of(network, films())
    study = study_of({"command": "x"}, Answers(said, answers_of(network, pages()), said, said), [])
    write_gate_evidence(study, network.installed, tmp_path)
    file = tmp_path / "evaluation.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"count": 4', '"count": 400'), encoding="utf-8")
    with pytest.raises(CorruptBundle, match=r"evaluation\.json has another SHA-256"):
        verify_gate_evidence(network.installed, tmp_path)
    write_evidence_hashes(network.installed.folder, tmp_path)
    with pytest.raises(CorruptBundle, match=r"report\.html is not what its evaluation says"):
        verify_gate_evidence(network.installed, tmp_path)
    seal_gate(network.installed, tmp_path)
    assert verify_gate_evidence(network.installed, tmp_path)


def test_evidence_without_an_evaluation_is_told(network: GateNetwork, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no evaluation .* Make it with `radiolens evaluate-gate`"):
        seal_gate(network.installed, tmp_path)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"natural: no pictures\. Give the folder that holds the collections"):
        list(others(tmp_path))


@needs_shared_data
def test_what_is_measured_was_never_trained_on() -> None:
    found = list(genuine(SHARED, largest=2))
    groups = {picture.group for picture in found}
    assert groups == {"guangzhou", "nih", "tb-collection", "tbx11k", "figshare", "web", "sich", "stroke"}
    assert not [picture.name for picture in found if "train/" in picture.name]
    away = list(others(SHARED))
    assert {picture.group: sum(one.group == picture.group for one in away) for picture in away} == {
        "natural": 60,
        "chest-ct-figure": 16,
        "chest-lateral": 14,
    }


@pytest.mark.slow
@needs_shared_data
def test_the_whole_evidence_is_made_by_one_call(network: GateNetwork, tmp_path: Path) -> None:
    stages: dict[str, tuple[int, int]] = {}
    content = make_gate_evidence(
        network,
        SHARED,
        tmp_path,
        GatePlan(largest=2, defective=3, drawn=1),
        lambda stage, done, total: stages.update({stage: (done, total)}),
    )
    assert all(done == total for done, total in stages.values())
    assert [row["group"] for row in content["others"]] == ["natural", "chest-ct-figure", "chest-lateral"]
    assert content["all_genuine"]["count"] == 14
    assert [row["group"] for row in content["external"]] == ["tbx11k"]
    assert content["control"]["refused"].keys() == {"natural", "chest-ct-figure", "chest-lateral"}
