"""The released gate on pictures that come with packages, on generated ones, and on real series of other scanners."""

import time
from importlib import resources
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from pydicom.data import get_testdata_file

from radiolens.bundle import LITE0_BYTES, RELEASED
from radiolens.image import Image, Source, Unit
from radiolens.imaging.read import decode
from radiolens.inference.engine import Engine
from radiolens.inference.gate import judge, look, route
from radiolens.inference.gate_bundle import find_gate
from radiolens.inference.gate_network import GateNetwork
from radiolens.inference.installed import find_installed
from radiolens.quality import Quality
from radiolens.safety.gate import Gate
from radiolens.safety.sight import Kind
from radiolens.training.gate.defects import inverted
from radiolens.training.gate.drawn import DRAWN
from radiolens.validation.gate.seal import verify_gate_evidence
from tests.shared_data import SHARED, needs_shared_data

FOLDER = find_gate([RELEASED])
assert FOLDER is not None


@pytest.fixture(scope="module")
def network() -> GateNetwork:
    return GateNetwork.open(FOLDER, threads=1)


def read(file: Path) -> Image:
    return decode([file.read_bytes()])


def sample(name: str) -> Image:
    """Return an image that comes with pydicom-data."""
    return read(Path(str(get_testdata_file(name))))


def picture(grey: np.ndarray) -> Image:
    pixels = grey.astype(np.float32)[np.newaxis] / np.float32(255)
    return Image(pixels, Unit.UNIT_INTERVAL, Source("png", size=grey.shape))


def codes(image: Image, network: GateNetwork) -> set[str]:
    """Return why `auto` refuses an image, nothing if it does not."""
    sight = look(image, network)
    chosen = route(image, sight)
    quality = chosen if isinstance(chosen, Quality) else judge(image, chosen, Gate.FULL, sight)
    return {problem.code.value for problem in quality.problems}


def test_it_is_whole_small_and_its_page_says_its_figures(network: GateNetwork) -> None:
    assert sum(file.stat().st_size for file in FOLDER.rglob("*") if file.is_file()) <= LITE0_BYTES
    assert verify_gate_evidence(network.installed)


def test_a_chest_film_of_another_hospital_passes(network: GateNetwork) -> None:
    film = sample("RG1_UNCI.dcm")
    assert look(film, network).believed is Kind.CHEST_FRONTAL
    assert codes(film, network) == set()


def test_the_same_film_inverted_is_refused_as_that(network: GateNetwork) -> None:
    film = sample("RG1_UNCI.dcm")
    grey = np.rint(film.pixels[0][::8, ::8] * 255).astype(np.uint8)
    assert codes(picture(grey), network) == set()
    assert "inverted" in codes(picture(inverted(grey, np.random.default_rng(0))), network)
    assert "rotated" in codes(picture(np.rot90(grey, 2)), network)


@pytest.mark.parametrize("name", ["RG3_UNCI.dcm", "US1_UNCI.dcm", "MR2_UNCI.dcm", "OT-PAL-8-face.dcm", "mlut_18.dcm"])
def test_a_leg_an_ultrasound_a_shoulder_a_face_and_a_test_image_are_refused(network: GateNetwork, name: str) -> None:
    assert codes(sample(name), network)


@pytest.mark.parametrize("name", ["china.jpg", "flower.jpg"])
def test_photographs_are_no_medical_images(network: GateNetwork, name: str) -> None:
    with resources.files("sklearn.datasets.images").joinpath(name).open("rb") as stream:
        grey = np.asarray(PIL.Image.open(stream).convert("L"))
    assert codes(picture(grey), network) == {"not_medical_image"}


@pytest.mark.parametrize("name", DRAWN)
def test_drawn_junk_is_refused(network: GateNetwork, name: str) -> None:
    refused = [bool(codes(picture(DRAWN[name](np.random.default_rng(seed))), network)) for seed in range(1000, 1010)]
    assert sum(refused) >= 9


def test_a_look_takes_at_most_six_tenths_of_a_task_network(network: GateNetwork) -> None:
    engine = Engine.open(find_installed([RELEASED]).get("chest-xray").folder, threads=1)
    pixels = np.random.default_rng(0).random((224, 224)).astype(np.float32)
    blank = np.zeros((1, engine.bundle.preprocessing.rows, engine.bundle.preprocessing.columns), np.uint8)
    looks, answers = [], []
    for _ in range(10):  # in turn, and in time of this thread, where both compute: a busy machine slows both alike
        start = time.thread_time()
        network.look(pixels, Unit.UNIT_INTERVAL)
        between = time.thread_time()
        engine.logits(blank)
        looks.append(between - start)
        answers.append(time.thread_time() - between)
    assert min(looks) <= 0.6 * min(answers)


@needs_shared_data
def test_a_real_head_ct_passes_slice_by_slice(network: GateNetwork) -> None:
    files = sorted((SHARED / "dicom" / "ct-head-ge").glob("*.dcm"))
    sights = [look(read(file), network) for file in files[4:24]]
    assert sum(sight.believed is Kind.BRAIN_CT for sight in sights) >= 18
    assert sum(bool(codes(read(file), network)) for file in files[4:24]) <= 2
