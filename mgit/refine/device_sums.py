"""Fixed-point sums on a device, brought home into those of the CPU when they are wanted.

Both add the same multiples of one quantum, so that neither where nor when they are added changes
a bit (docs/math/backprojection.md).
"""

from typing import Any

import numpy as np

from kernels import device
from kernels.arguments import Images
from kernels.backproject_cpu import Accumulator, reserve
from mgit.errors import Unsupported
from mgit.refine.accelerator import Accelerator

__all__ = ["DeviceSums"]


class DeviceSums:
    """What has been added on a device and is not home yet; one thread at a time."""

    def __init__(self, accelerator: Accelerator) -> None:
        self._accelerator = accelerator
        self._sums: Any = None
        self._item = ""

    def add(self, home: Accumulator, batch: Images, *, item: str) -> None:
        """Add images on the device, within the reach of `home`.

        Raises ValueError and OverflowError as `backproject_cpu.backproject` does, before anything
        is added; Unsupported for a device without room, DeviceFailed; both name the item.
        """
        reserve(home, batch)
        self._item = item
        with self._accelerator.working(item) as launcher:
            if self._sums is None:
                self._sums = self._empty(launcher, home)
            device.backproject(
                launcher,
                self._sums,
                box=home.sums.shape[0],
                quantum=home.quantum,
                batch=device.upload(launcher, batch),
            )
            launcher.wait()  # so that a failure is that of this item

    def bring_home(self, home: Accumulator) -> None:
        """Add what is on the device to `home`, and free it. Raises DeviceFailed."""
        if self._sums is None:
            return
        with self._accelerator.working(self._item) as launcher:
            home.sums += launcher.to_host(self._sums)
        self._sums = None

    def _empty(self, launcher: device.Launcher, home: Accumulator) -> Any:
        free = launcher.free_bytes()
        if home.sums.nbytes > free:
            raise Unsupported(
                "the memory of the device is too small for the sums of a reconstruction",
                hint="use '--device cpu' or a device with more memory",
                item=self._item,
                device=self._accelerator.name,
                bytes_needed=home.sums.nbytes,
                bytes_free=free,
            )
        return launcher.zeros(home.sums.shape, np.int64)
