"""What a network file may hold: the runtime never sees one that reaches outside of itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from radiolens.bundle import RELEASED, read_bundle, write_bundle
from radiolens.errors import BundleError
from radiolens.inference.engine import Engine
from radiolens.inference.network_file import check_network
from tests.tiny_bundle import dense_network, make_imported

SHAPE = (8, 8, 1)
WEIGHTS = np.ones((64, 2), np.float32)


def saved(network: onnx.ModelProto, folder: Path) -> Path:
    file = folder / "model.onnx"
    file.write_bytes(network.SerializeToString())
    return file


def elsewhere(weight: TensorProto, location: str = "weights.bin") -> TensorProto:
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.append(onnx.StringStringEntryProto(key="location", value=location))
    weight.ClearField("raw_data")
    return weight


@pytest.mark.parametrize("file", sorted(RELEASED.glob("*/*/model.onnx")), ids=lambda file: file.parents[1].name)
def test_the_released_networks_are_accepted(file: Path) -> None:
    check_network(file)


@pytest.mark.parametrize("location", ["weights.bin", "/etc/passwd", "../x", "*/_ORT_MEM_ADDR_/*"])
def test_weights_outside_of_the_file_are_refused(tmp_path: Path, location: str) -> None:
    network = dense_network(SHAPE, WEIGHTS)
    elsewhere(network.graph.initializer[0], location)
    with pytest.raises(ValueError, match="keeps weights outside of itself"):
        check_network(saved(network, tmp_path))


def test_they_are_refused_by_the_place_alone_and_by_the_name_alone(tmp_path: Path) -> None:
    for field in ("data_location", "external_data"):
        network = dense_network(SHAPE, WEIGHTS)
        elsewhere(network.graph.initializer[0]).ClearField(field)
        with pytest.raises(ValueError, match="keeps weights outside of itself"):
            check_network(saved(network, tmp_path))


def hidden_in_constant(network: onnx.ModelProto, weight: TensorProto) -> None:
    network.graph.node.append(helper.make_node("Constant", [], ["hidden"], value=weight))


def hidden_in_branch(network: onnx.ModelProto, weight: TensorProto) -> None:
    constant = helper.make_node("Constant", [], ["hidden"], value=weight)
    branch = helper.make_graph([constant], "branch", [], [])
    network.graph.node.append(helper.make_node("If", ["image"], ["x"], then_branch=branch, else_branch=branch))


def hidden_in_function(network: onnx.ModelProto, weight: TensorProto) -> None:
    constant = helper.make_node("Constant", [], ["hidden"], value=weight)
    opset = [helper.make_opsetid("", 17)]
    network.functions.append(helper.make_function("ai.onnx", "Mine", [], ["hidden"], [constant], opset))


def hidden_in_sparse(network: onnx.ModelProto, weight: TensorProto) -> None:
    network.graph.sparse_initializer.append(onnx.SparseTensorProto(values=weight, dims=[64, 2]))


@pytest.mark.parametrize("hide", [hidden_in_constant, hidden_in_branch, hidden_in_function, hidden_in_sparse])
def test_they_are_found_wherever_a_network_can_hold_a_tensor(tmp_path: Path, hide: object) -> None:
    assert callable(hide)
    network = dense_network(SHAPE, WEIGHTS)
    hide(network, elsewhere(numpy_helper.from_array(WEIGHTS, "hidden")))
    with pytest.raises(ValueError, match="keeps weights outside of itself"):
        check_network(saved(network, tmp_path))


def test_an_operator_outside_the_standard_is_refused_by_its_name(tmp_path: Path) -> None:
    network = dense_network(SHAPE, WEIGHTS)
    network.graph.node[0].domain = "com.example"
    with pytest.raises(ValueError, match=r"asks for 'Flatten' of 'com\.example'; only operators of the ONNX standard"):
        check_network(saved(network, tmp_path))


@pytest.mark.parametrize("operator", ["Loop", "Scan"])
def test_a_network_that_may_never_end_is_refused(tmp_path: Path, operator: str) -> None:
    network = dense_network(SHAPE, WEIGHTS)
    body = helper.make_graph([], "body", [], [])
    network.graph.node.append(helper.make_node(operator, [], ["x"], body=body))
    with pytest.raises(ValueError, match=f"asks for '{operator}', which may never end"):
        check_network(saved(network, tmp_path))


def test_a_network_that_asks_for_more_memory_than_there_is_does_not_open(tmp_path: Path) -> None:
    folder = make_imported(tmp_path)
    network = onnx.load(folder / "model.onnx")
    network.graph.initializer.append(numpy_helper.from_array(np.asarray([10**6, 10**7]), "shape"))
    network.graph.node.append(helper.make_node("ConstantOfShape", ["shape"], ["huge"]))  # 40 TB
    network.graph.node.append(helper.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0))
    network.graph.node[1].output[0] = "less"
    network.graph.node.append(helper.make_node("Add", ["less", "sum"], ["logits"]))
    saved(network, folder)
    write_bundle(read_bundle(folder, verify=False).bundle, folder)
    with pytest.raises(BundleError, match=r"is not what bundle\.json describes"):
        Engine.open(folder)


def test_graphs_within_graphs_without_end_are_refused(tmp_path: Path) -> None:
    graph = helper.make_graph([], "inner", [], [])
    for _ in range(30):
        graph = helper.make_graph([helper.make_node("If", ["x"], ["y"], then_branch=graph)], "g", [], [])
    with pytest.raises(ValueError, match="nested more than 64 levels deep"):
        check_network(saved(helper.make_model(graph), tmp_path))


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 20, b"no network", dense_network(SHAPE, WEIGHTS).SerializeToString()[:-9]]
)
def test_what_is_cut_off_or_no_network_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.onnx is (empty|cut off, or no ONNX file)"):
        check_network(tmp_path / "model.onnx")


def test_a_bundle_with_such_a_network_does_not_open_though_its_hashes_fit(tmp_path: Path) -> None:
    folder = make_imported(tmp_path)
    network = onnx.load(folder / "model.onnx")
    elsewhere(network.graph.initializer[0], "/etc/passwd")
    saved(network, folder)
    write_bundle(read_bundle(folder, verify=False).bundle, folder)
    with pytest.raises(BundleError, match=r"keeps weights outside of itself.*Export the bundle again"):
        Engine.open(folder)


def test_arrays_that_unpack_to_gigabytes_are_refused_unread(tmp_path: Path) -> None:
    folder = make_imported(tmp_path)
    np.savez_compressed(folder / "golden.npz", grey=np.zeros((300, 1024, 1024), np.uint8), probabilities=np.zeros(1))
    write_bundle(read_bundle(folder, verify=False).bundle, folder)
    with pytest.raises(BundleError, match=r"golden\.npz unpacks to 315 MB, at most 256 MB"):
        Engine.open(folder)
