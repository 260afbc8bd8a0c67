"""Which device computes: asked for by name, or the best one that is there."""

import torch

from mgit.errors import Unsupported

__all__ = ["best_device", "require_device"]


def best_device() -> str:
    """'cuda' where a CUDA device can be used, else 'cpu'."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def require_device(name: str) -> None:
    """Raises Unsupported when a device that was asked for is not there."""
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise Unsupported(
            "no CUDA device can be used",
            hint="give '--device cpu', or install the extra 'mgit[cuda]' on a machine with one",
            device=name,
        )
