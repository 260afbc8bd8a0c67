"""Arrays and facts in one file, whole or absent: what is kept between the items of a round."""

import errno
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mgit.errors import DiskFull, InvalidState, StorageFailed

__all__ = ["read_record", "write_record", "write_text"]

FACTS = "facts"
FULL = (errno.ENOSPC, errno.EDQUOT)


def write_record(path: Path, facts: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write facts (anything JSON can say) and arrays of numbers; the file appears when complete.

    Raises DiskFull and StorageFailed, naming the file; what stood there before is then untouched.
    """
    if FACTS in arrays or any(each.dtype.kind not in "biufc" for each in arrays.values()):
        raise InvalidState("a record holds arrays of numbers only", file=str(path))
    said = json.dumps({"arrays": sorted(arrays), "facts": facts}, sort_keys=True)
    text = np.frombuffer(said.encode(), dtype=np.uint8)
    named = {f"a/{name}": values for name, values in arrays.items()}
    _write(path, lambda file: np.savez(file, allow_pickle=False, **{FACTS: text, **named}))


def write_text(path: Path, text: str) -> None:
    """Write a text file; it appears when complete. Raises what `write_record` raises."""
    _write(path, lambda file: file.write(text.encode()))


def _write(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        kind = DiskFull if error.errno in FULL else StorageFailed
        raise kind("a checkpoint cannot be written", file=str(path), why=str(error)) from error


def read_record(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Facts and arrays of a file that `write_record` wrote.

    Raises InvalidState, naming the file, for one that is damaged.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as record:
            said = json.loads(record[FACTS].tobytes())
            # The checksums of the format cover contents; the list covers the names.
            arrays = {name: record[f"a/{name}"] for name in said["arrays"]}
            facts: dict[str, Any] = said["facts"]
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InvalidState(
            "a checkpoint is damaged",
            hint="remove the file and run 'mgit refine --resume': that part is done again",
            file=str(path),
        ) from error
    return facts, arrays
