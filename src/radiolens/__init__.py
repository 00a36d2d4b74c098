"""radiolens: an open platform for diagnosing medical images with convolutional networks.

For education and research; not a medical device.

A notebook finds what it needs here: `radiolens.read_image`, `open_bundle`, `predict`, `heat_map`, `read_manifest`,
`score`, and the measures in `radiolens.evaluation`. Each name is loaded when it is first used, so that `import
radiolens` is fast and loads neither ONNX Runtime nor TensorFlow. docs/notebook.md describes them.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers; at run time `__getattr__` loads the same
    from radiolens import evaluation as evaluation
    from radiolens.data.manifest import Manifest as Manifest
    from radiolens.data.manifest import read_manifest as read_manifest
    from radiolens.image import Image as Image
    from radiolens.inference.profile_file import read_profile as read_profile
    from radiolens.inference.profile_file import write_profile as write_profile
    from radiolens.notebook import OpenBundle as OpenBundle
    from radiolens.notebook import heat_map as heat_map
    from radiolens.notebook import open_bundle as open_bundle
    from radiolens.notebook import predict as predict
    from radiolens.notebook import read_image as read_image
    from radiolens.prediction import Finding as Finding
    from radiolens.prediction import Prediction as Prediction
    from radiolens.profile import Profile as Profile
    from radiolens.tasks import get_task as get_task
    from radiolens.validation.questions import Scored as Scored
    from radiolens.validation.score import score as score

__all__ = [
    "Finding",
    "Image",
    "Manifest",
    "OpenBundle",
    "Prediction",
    "Profile",
    "Scored",
    "__version__",
    "evaluation",
    "get_task",
    "heat_map",
    "open_bundle",
    "predict",
    "read_image",
    "read_manifest",
    "read_profile",
    "score",
    "write_profile",
]

__version__ = "0.1.0"

_HOMES = MappingProxyType(
    {
        "Finding": "radiolens.prediction",
        "Image": "radiolens.image",
        "Manifest": "radiolens.data.manifest",
        "OpenBundle": "radiolens.notebook",
        "Prediction": "radiolens.prediction",
        "Profile": "radiolens.profile",
        "Scored": "radiolens.validation.questions",
        "get_task": "radiolens.tasks",
        "heat_map": "radiolens.notebook",
        "open_bundle": "radiolens.notebook",
        "predict": "radiolens.notebook",
        "read_image": "radiolens.notebook",
        "read_manifest": "radiolens.data.manifest",
        "read_profile": "radiolens.inference.profile_file",
        "score": "radiolens.validation.score",
        "write_profile": "radiolens.inference.profile_file",
    }
)
"""Where each name lives. `score` needs the extra [train]."""


def __getattr__(name: str) -> Any:  # noqa: ANN401  whatever the name is of
    """Load a name when it is first used (PEP 562)."""
    if name == "evaluation":
        return import_module("radiolens.evaluation")
    if name not in _HOMES:
        raise AttributeError(f"module 'radiolens' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    """List every public name, loaded or not."""
    return sorted({*globals(), *__all__})
