"""The correlate operator as a differentiable function of slice matrices and shifts.

In float32 the compiled kernel gives terms and derivatives in one pass; in float64 the torch
reference is used, which is what gradients are tested in (docs/math/target.md, section 3).
"""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from kernels import correlate_cpu, correlate_reference
from mgit.refine.preparation import Block

__all__ = ["BlockCorrelation"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BlockCorrelation:
    """One block with the volume it is compared with.

    volume: complex64 `(d, d, d//2+1)`.
    """

    block: Block
    volume: np.ndarray
    threads: int

    def terms(self, matrices: Tensor, shifts: Tensor) -> Tensor:
        """N, D and E of every image, float64 `(m, 3)`; differentiable.

        matrices: `(m, 3, 2)`. shifts: `(m, 2)`, x y as shares of the box's edge.
        """
        if self.block.images.dtype == torch.complex128:
            return self._reference(matrices, shifts)
        terms = _Correlate.apply(matrices, shifts, self)  # type: ignore[no-untyped-call]
        return cast(Tensor, terms)

    def _reference(self, matrices: Tensor, shifts: Tensor) -> Tensor:
        return correlate_reference.correlate(
            torch.from_numpy(self.volume.astype(np.complex128)),
            self.block.images,
            weights=self.block.weights,
            group=torch.from_numpy(self.block.tilt),
            matrices=matrices,
            shifts=shifts,
            disc=self.block.disc,
        )

    def arguments(self, matrices: Tensor, shifts: Tensor) -> dict[str, Any]:
        """Keywords of the compiled kernels."""
        return {
            "weights": self.block.weights.numpy(),
            "group": self.block.tilt,
            "matrices": matrices.detach().numpy(),
            "shifts": shifts.detach().numpy(),
            "disc": self.block.disc,
            "threads": self.threads,
        }


class _Correlate(torch.autograd.Function):
    """Terms by the compiled kernel; derivatives come from the same pass."""

    @staticmethod
    def forward(ctx: Any, matrices: Tensor, shifts: Tensor, task: BlockCorrelation) -> Tensor:
        images = task.block.images.numpy()
        arguments = task.arguments(matrices, shifts)
        if not (matrices.requires_grad or shifts.requires_grad):
            return torch.from_numpy(
                correlate_cpu.correlate_values(task.volume, images, **arguments)
            )
        found = correlate_cpu.correlate(task.volume, images, **arguments)
        ctx.save_for_backward(
            *(
                torch.from_numpy(np.ascontiguousarray(each))
                for each in (found.d_shift, found.d_numerator, found.d_power)
            )
        )
        return torch.from_numpy(found.terms)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        d_shift, d_numerator, d_power = ctx.saved_tensors
        numerator, power = gradients[0][:, 0], gradients[0][:, 1]
        matrices = (
            numerator[:, None, None] * d_numerator[:, :, :2]
            + power[:, None, None] * d_power[:, :, :2]
        )
        return matrices, numerator[:, None] * d_shift, None
