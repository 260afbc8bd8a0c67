"""Images and volumes of one item on a device, for as long as the targets of a stage live.

Everything is copied once, before the first evaluation; an evaluation sends poses and brings back
23 numbers per image. What does not fit the memory of the device is sent in parts, every time. An
image is summed by one block of threads in a fixed order, so neither parts nor launches change a
bit (kernels/README.md).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kernels import device
from kernels.arguments import Correlation, checked_images, checked_volume
from mgit.errors import Unsupported
from mgit.refine.accelerator import Accelerator
from mgit.refine.preparation import Block

__all__ = ["Residence", "Room", "room_for"]

RESERVE_BYTES = 1 << 28
"""Memory that is left to the driver, compiled code and gaps between arrays."""
STAGING_BYTES = 1 << 28
"""Memory for parts of what does not fit."""

Operation = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What of an item stays on a device.

    stays: which blocks do, in order. staging: bytes for parts of the others, 0 where all stay.
    """

    stays: tuple[bool, ...]
    staging: int


def room_for(
    blocks: Sequence[Block], *, volume_bytes: int, free_bytes: int, item: str, device_name: str
) -> Room:
    """What stays of blocks in `free_bytes` beside volumes.

    Raises Unsupported, naming the item and the bytes, when not even single images fit.
    """
    sizes = [_block_bytes(each) for each in blocks]
    free = free_bytes - RESERVE_BYTES - volume_bytes
    if sum(sizes) <= free:
        return Room(stays=(True,) * len(blocks), staging=0)
    least = max(_table_bytes(each) + device.image_bytes(each.disc.samples) for each in blocks)
    staging = min(free, max(STAGING_BYTES, least))
    if staging < least:
        raise Unsupported(
            "the memory of the device is too small for the references of an item",
            hint="use '--device cpu' or a device with more memory",
            item=item,
            device=device_name,
            bytes_needed=volume_bytes + least + RESERVE_BYTES,
            bytes_free=free_bytes,
        )
    left, stays = free - staging, []
    for size in sizes:
        stays.append(size <= left)
        left -= size if stays[-1] else 0
    return Room(stays=tuple(stays), staging=staging)


def _table_bytes(block: Block) -> int:
    return device.table_bytes(block.disc.samples, len(block.weights))


def _block_bytes(block: Block) -> int:
    return len(block.images) * device.image_bytes(block.disc.samples) + _table_bytes(block)


class Residence:
    """Blocks and the volumes they are compared with, on a device.

    Blocks are known by identity; the residence holds them, and is held by the targets of a stage.
    """

    def __init__(
        self, accelerator: Accelerator, pairs: Sequence[tuple[Block, np.ndarray]], *, item: str
    ) -> None:
        """pairs: float32 blocks, each with a volume complex64 `(d, d, d//2+1)`.

        Raises Unsupported for a device without room, DeviceFailed; both name the item.
        """
        self._accelerator, self._item = accelerator, item
        self._blocks = {id(block): block for block, _ in pairs}
        volumes = {id(volume): volume for _, volume in pairs}
        self._box = {id(block): checked_volume(volume)[1] for block, volume in pairs}
        with accelerator.working(item) as launcher:
            room = room_for(
                tuple(self._blocks.values()),
                volume_bytes=sum(each.nbytes for each in volumes.values()),
                free_bytes=launcher.free_bytes(),
                item=item,
                device_name=accelerator.name,
            )
            there = {key: launcher.to_device(each) for key, each in volumes.items()}
            self._volume = {id(block): there[id(volume)] for block, volume in pairs}
            self._images = {
                key: _uploaded(launcher, block, 0, len(block.images))
                for (key, block), stays in zip(self._blocks.items(), room.stays, strict=True)
                if stays
            }
        self._staging = room.staging

    def values(self, block: Block, matrices: Tensor, shifts: Tensor) -> np.ndarray:
        """Terms N, D, E of a block's images, float64 `(m, 3)`; poses as `BlockCorrelation`'s."""
        return self._numbers(device.correlate_values, block, matrices, shifts)

    def gradients(self, block: Block, matrices: Tensor, shifts: Tensor) -> Correlation:
        """Terms and all derivatives of a block's images, float64."""
        found = self._numbers(device.correlate, block, matrices, shifts)
        return device.correlation_of(found, matrices.shape[-1])

    def _numbers(
        self, operation: Operation, block: Block, matrices: Tensor, shifts: Tensor
    ) -> np.ndarray:
        key = id(block)
        poses = matrices.detach().numpy(), shifts.detach().numpy()
        found = []
        with self._accelerator.working(self._item) as launcher:
            for first, batch in self._parts(launcher, block):
                rows = slice(first, first + batch.count)
                posed = device.posed(
                    launcher, batch, matrices=poses[0][rows], shifts=poses[1][rows]
                )
                results = operation(launcher, self._volume[key], box=self._box[key], batch=posed)
                found.append(launcher.to_host(results).astype(np.float64))
        return np.concatenate(found)

    def _parts(
        self, launcher: device.Launcher, block: Block
    ) -> Iterator[tuple[int, device.DeviceImages]]:
        """First rows and images of a block on the device, all at once where it stays there."""
        there = self._images.get(id(block))
        if there is not None:
            yield 0, there
            return
        room = self._staging - _table_bytes(block)
        size = max(1, room // device.image_bytes(block.disc.samples))
        for first in range(0, len(block.images), size):
            yield first, _uploaded(launcher, block, first, first + size)


def _uploaded(
    launcher: device.Launcher, block: Block, first: int, last: int
) -> device.DeviceImages:
    images = block.images[first:last].contiguous().numpy()
    checked = checked_images(
        images,
        block.weights.to(torch.float32).numpy(),
        block.tilt[first:last],
        np.zeros((len(images), 3, 2)),
        np.zeros((len(images), 2)),
        block.disc,
        None,
    )
    return device.upload(launcher, checked)
