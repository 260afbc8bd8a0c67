"""The correlate operator as a differentiable function of slice matrices and shifts.

In float32 the compiled kernels give terms and derivatives in one pass, on the CPU or where the
images reside on a device; in float64 the torch reference is used, which is what gradients are
tested in (docs/math/target.md, section 3).
"""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from kernels import correlate_cpu, correlate_reference
from kernels.arguments import Correlation
from mgit.refine.preparation import Block
from mgit.refine.residence import Residence

__all__ = ["BlockCorrelation"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BlockCorrelation:
    """One block with the volume it is compared with.

    volume: complex64 `(d, d, d//2+1)`. threads: on the CPU. residence: of block and volume on a
    device, or None to compute on the CPU.
    """

    block: Block
    volume: np.ndarray
    threads: int
    residence: Residence | None = None

    def terms(self, matrices: Tensor, shifts: Tensor) -> Tensor:
        """N, D and E of every image, float64 `(m, 3)`; differentiable.

        matrices: `(m, 3, 2)`, or `(m, 3, 3)` for curved slices. shifts: `(m, 2)`, x y as shares of
        the box's edge.
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

    def values(self, matrices: Tensor, shifts: Tensor) -> np.ndarray:
        """Terms by the compiled kernel, float64 `(m, 3)`."""
        if self.residence is not None:
            return self.residence.values(self.block, matrices, shifts)
        images = self.block.images.numpy()
        return correlate_cpu.correlate_values(
            self.volume, images, **self._arguments(matrices, shifts)
        )

    def gradients(self, matrices: Tensor, shifts: Tensor) -> Correlation:
        """Terms and derivatives by the compiled kernel, float64."""
        if self.residence is not None:
            return self.residence.gradients(self.block, matrices, shifts)
        images = self.block.images.numpy()
        return correlate_cpu.correlate(self.volume, images, **self._arguments(matrices, shifts))

    def _arguments(self, matrices: Tensor, shifts: Tensor) -> dict[str, Any]:
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
        if not (matrices.requires_grad or shifts.requires_grad):
            return torch.from_numpy(task.values(matrices, shifts))
        found = task.gradients(matrices, shifts)
        ctx.save_for_backward(
            *(
                torch.from_numpy(np.ascontiguousarray(each))
                for each in (found.d_shift, found.d_numerator, found.d_power)
            )
        )
        return torch.from_numpy(np.ascontiguousarray(found.terms))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        d_shift, d_numerator, d_power = ctx.saved_tensors
        numerator, power = gradients[0][:, 0], gradients[0][:, 1]
        matrices = numerator[:, None, None] * d_numerator + power[:, None, None] * d_power
        return matrices, numerator[:, None] * d_shift, None
