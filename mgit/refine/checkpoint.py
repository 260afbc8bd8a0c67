"""The files of a refinement under way: what it is, and what its items have come to so far.

    <directory>/run.json                     what was asked for; equal requests have equal ids
    <directory>/round-<k>/references-<s>.npz
    <directory>/round-<k>/results/<item>.npz     one per finished item, whole or absent
    <directory>/round-<k>/claims-<token>/<item>  made by the worker that takes an item

Results are pure functions of the request, so that whatever is found here can be used.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mgit.digest import canonical_bytes, short_id
from mgit.errors import InvalidState, MgitError
from mgit.maps.reference import HalfReferences
from mgit.refine.inputs import ReferenceSet
from mgit.refine.item import ItemResult
from mgit.refine.raw_stacks import BoundFile
from mgit.refine.record_files import read_record, write_record, write_text
from mgit.refine.result_files import read_result, write_result

__all__ = ["Checkpoint", "Request", "RoundFiles"]

RUN = "run.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A refinement as it was asked for.

    parent: commit that it begins with. branch: short name of the branch that it moves, None for a
    detached HEAD. rounds: settings as text, one mapping per round. species, sources: names, all
    where empty. versions: of mgit and the libraries that numbers come from.
    """

    parent: str
    branch: str | None
    rounds: tuple[Mapping[str, str], ...]
    species: tuple[str, ...]
    sources: tuple[str, ...]
    versions: Mapping[str, str]
    message: str | None = None

    @property
    def id(self) -> str:
        """16 hexadecimal digits that equal requests share; the message does not count."""
        facts = asdict(self)
        del facts["message"]
        return short_id("mgit refinement v1", canonical_bytes(_plain(facts))).hex()[:16]

    def encode(self) -> str:
        """JSON text."""
        return json.dumps(_plain(asdict(self)), indent=2, sort_keys=True)

    @classmethod
    def decode(cls, text: str, *, file: str) -> "Request":
        """Read what `encode` wrote. Raises InvalidState, naming the file, for anything else."""
        try:
            facts = json.loads(text)
            return cls(
                parent=facts["parent"],
                branch=facts["branch"],
                rounds=tuple(facts["rounds"]),
                species=tuple(facts["species"]),
                sources=tuple(facts["sources"]),
                versions=facts["versions"],
                message=facts["message"],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidState(
                "a checkpoint is damaged", hint="remove its directory and begin anew", file=file
            ) from error


def _plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in facts.items()
    }


class Checkpoint:
    """The directory of one refinement."""

    def __init__(self, directory: Path, request: Request) -> None:
        self.directory, self.request = directory, request

    @classmethod
    def of(cls, base: Path, request: Request) -> "Checkpoint":
        """The checkpoint of a request below `base`; nothing is written before it is under way."""
        return cls(base / request.id, request)

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Write down what was asked for; what is there already is gone on with.

        An error leaves nothing behind when no item was finished, so that there is nothing to
        resume; whatever stops the process in another way leaves what `--resume` needs.
        """
        write_text(self.directory / RUN, self.request.encode())
        try:
            yield
        except MgitError:
            if not self.has_results:
                self.remove()
            raise

    @classmethod
    def present(cls, base: Path) -> "list[Checkpoint]":
        """All below `base`, the one that was worked at last first."""
        found = []
        for file in base.glob(f"*/{RUN}"):
            request = Request.decode(file.read_text(encoding="utf-8"), file=str(file))
            found.append((file.stat().st_mtime_ns, cls(file.parent, request)))
        return [each for _, each in sorted(found, key=lambda pair: -pair[0])]

    @property
    def has_results(self) -> bool:
        """Whether any item of any round is done."""
        return any(self.directory.glob("round-*/results/*.npz"))

    def round(self, number: int) -> "RoundFiles":
        """The files of a round, counted from 1."""
        return RoundFiles(self.directory / f"round-{number}")

    def remove(self) -> None:
        """Remove everything: the refinement is over."""
        if self.directory.is_dir():
            shutil.rmtree(self.directory)


class RoundFiles:
    """The files of one round."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._results = directory / "results"
        self._results.mkdir(parents=True, exist_ok=True)

    def write_job(
        self,
        job: Mapping[str, Any],
        references: tuple[ReferenceSet, ...],
        bound: Mapping[str, tuple[BoundFile, ...]],
    ) -> None:
        """Write what a worker needs to know: the job's facts, references, files by item path."""
        for number, each in enumerate(references):
            half = each.references
            facts = {
                "species": each.species,
                "diameter_angstrom": each.diameter_angstrom,
                "box": half.box,
                "pixel_size_angstrom": half.pixel_size_angstrom,
                "oversampling": half.oversampling,
                "ewald": each.ewald,
                "ewald_reverse": each.ewald_reverse,
            }
            arrays = {"first": half.first, "second": half.second}
            write_record(self.directory / f"references-{number}.npz", facts, arrays)
        files = {
            path: [{**asdict(each), "place": str(each.place)} for each in entries]
            for path, entries in bound.items()
        }
        record = {"job": dict(job), "files": files, "references": len(references)}
        write_text(self.directory / "job.json", json.dumps(record))

    def read_job(
        self,
    ) -> tuple[dict[str, Any], tuple[ReferenceSet, ...], dict[str, tuple[BoundFile, ...]]]:
        """What `write_job` wrote."""
        record = json.loads((self.directory / "job.json").read_text(encoding="utf-8"))
        references = []
        for number in range(record["references"]):
            facts, arrays = read_record(self.directory / f"references-{number}.npz")
            half = HalfReferences(
                first=arrays["first"],
                second=arrays["second"],
                box=facts["box"],
                pixel_size_angstrom=facts["pixel_size_angstrom"],
                oversampling=facts["oversampling"],
            )
            references.append(
                ReferenceSet(
                    species=facts["species"],
                    references=half,
                    diameter_angstrom=facts["diameter_angstrom"],
                    ewald=facts["ewald"],
                    ewald_reverse=facts["ewald_reverse"],
                )
            )
        bound = {
            path: tuple(_bound_file(each) for each in entries)
            for path, entries in record["files"].items()
        }
        return record["job"], tuple(references), bound

    def done(self, item: str) -> bool:
        """Whether the item of that key is finished."""
        return self._result(item).is_file()

    def read(self, item: str) -> ItemResult:
        """The result of a finished item. Raises InvalidState when its file is damaged."""
        return read_result(self._result(item))

    def write(self, item: str, result: ItemResult) -> None:
        """Keep the result of an item."""
        write_result(self._result(item), result)

    def claim(self, item: str, *, token: str) -> bool:
        """Take an item for the calling worker; False when another one of the run has it."""
        place = self.directory / f"claims-{token}"
        place.mkdir(exist_ok=True)
        try:
            os.close(os.open(place / item, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            return False
        return True

    def _result(self, item: str) -> Path:
        return self._results / f"{item}.npz"


def _bound_file(record: Mapping[str, Any]) -> BoundFile:
    return BoundFile(
        role=record["role"],
        path=record["path"],
        place=Path(record["place"]),
        sections=tuple(record["sections"]),
    )
