"""A network on ONNX Runtime: how a session is opened, and what the runtime raises for a file that is no network."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as runtime_state

__all__ = ["RUNTIME_ERRORS", "open_session"]

_ERRORS_ONLY = 3  # severity: warnings tell of optimisations that were not possible

RUNTIME_ERRORS = (
    runtime_state.Fail,
    runtime_state.InvalidArgument,
    runtime_state.InvalidGraph,
    runtime_state.InvalidProtobuf,
    runtime_state.NotImplemented,
    runtime_state.RuntimeException,
)
"""What the runtime raises for a file that is no network, or another one than a bundle's; they share no base class."""


def open_session(model: Path | bytes, threads: int = 0) -> onnxruntime.InferenceSession:
    """Open a network, a file or its content; `threads` 0 lets the runtime use every core.

    Raises one of RUNTIME_ERRORS. A session's `run` is thread-safe.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # it would take what others wait for
    options.enable_cpu_mem_arena = False  # the arena would keep the largest series' memory for ever
    options.log_severity_level = _ERRORS_ONLY
    content = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
