"""Reads PyTorch's legacy `.pth` state files without torch, and without running code from them.

The format (torch.serialization._legacy_save): pickles of a magic number, the protocol, system facts and the state
dictionary, then the pickled list of storage keys, then for each key a little-endian int64 element count and the raw
elements. Only the few globals that a state dictionary needs are resolved; any other one is refused.
"""

from __future__ import annotations

import hashlib
import io
import pickle  # only through _StateUnpickler, which resolves an allow-list of names
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from radiolens.errors import DatasetError

__all__ = ["read_state"]

_MAGIC = 0x1950A86A20F9469CFC6C  # torch.serialization.MAGIC_NUMBER
_ELEMENT_TYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


@dataclass(frozen=True)
class _Storage:
    key: str
    element_type: np.dtype[np.generic]


@dataclass(frozen=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def read_state(file: Path, sha256: str) -> Mapping[str, NDArray[np.generic]]:
    """Return the arrays of a state file by name; raise DatasetError if its SHA-256 is not the expected one."""
    content = file.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DatasetError(f"{file}: expected SHA-256 {sha256}, found {found}. Install the package again.")
    stream = io.BytesIO(content)
    magic, _protocol, _system = (_StateUnpickler(stream).load() for _ in range(3))
    if magic != _MAGIC:
        raise DatasetError(f"{file}: not a PyTorch state file of the legacy format.")
    tensors: Mapping[str, _Tensor] = _StateUnpickler(stream).load()
    keys: Sequence[str] = _StateUnpickler(stream).load()
    types = {tensor.storage.key: tensor.storage.element_type for tensor in tensors.values()}
    storages = {key: _read_storage(stream, types[key]) for key in keys}
    return {name: _view(tensor, storages[tensor.storage.key]) for name, tensor in tensors.items()}


def _read_storage(stream: io.BytesIO, element_type: np.dtype[np.generic]) -> NDArray[np.generic]:
    count = int.from_bytes(stream.read(8), "little")
    return np.frombuffer(stream.read(count * element_type.itemsize), element_type)


def _view(tensor: _Tensor, storage: NDArray[np.generic]) -> NDArray[np.generic]:
    last = tensor.offset + sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride, strict=True))
    if last >= len(storage) or min(tensor.offset, *tensor.stride, 0) < 0:
        raise DatasetError(f"a tensor of shape {tensor.shape} reaches beyond its storage of {len(storage)} elements")
    strides = tuple(step * storage.itemsize for step in tensor.stride)
    return np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides, writeable=False).copy()


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> _Tensor:
    return _Tensor(storage, offset, shape, stride)


class _StateUnpickler(pickle.Unpickler):
    """Resolves ordered dictionaries, tensors and storage types, nothing else."""

    def find_class(self, module: str, name: str) -> object:
        """Return the stand-in for a global of the file; raise UnpicklingError for any that is not on the list."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _ELEMENT_TYPES:
            return _ELEMENT_TYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a state file")

    def persistent_load(self, persistent_id: tuple[str, np.dtype[np.generic], str, str, int, object]) -> _Storage:
        """Return the storage that a persistent id names: (kind, element type, key, device, count, view)."""
        _kind, element_type, key, *_ = persistent_id
        return _Storage(key, element_type)
