"""`mgit score`: compare commits with the truth of a simulation."""

from mgit.cli.console import Console
from mgit.cli.exit_codes import ExitCode

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mgit.history.snapshot import Snapshot

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "compare commits with the truth of a simulation"
DESCRIPTION = """Print how far the poses, geometry, defocus and maps of commits are from the truth.

Give revisions, or directories of populations (their HEAD); HEAD is the default.
Errors are taken over all particles in all tilts that are in use. One rotation and
one shift of the reference, common to all particles, are removed first: no image can
tell them. Maps are compared with the molecule itself, sampled in the commit's frame.

examples:
  mgit score --truth data/truth.json
  mgit score HEAD~2 HEAD --truth data/truth.json
  mgit score population --truth data/truth.json --species made --json
"""

ROWS = (
    ("particles", "particles", "", 0),
    ("position RMS", "position_rms_angstrom", "A", 3),
    ("position median", "position_median_angstrom", "A", 3),
    ("orientation RMS", "orientation_rms_degree", "deg", 3),
    ("orientation median", "orientation_median_degree", "deg", 3),
    ("defocus RMS", "defocus_rms_angstrom", "A", 1),
    ("defocus RMS of tilts", "tilt_defocus_rms_angstrom", "A", 1),
    ("half-maps, FSC 0.143", "fsc_half_maps_angstrom", "A", 2),
    ("map to truth, FSC 0.5", "fsc_truth_angstrom", "A", 2),
    ("removed: rotation", "frame_rotation_degree", "deg", 3),
    ("removed: shift", "frame_shift_angstrom", "A", 3),
)
LABEL_WIDTH, COLUMN_WIDTH = 22, 14
NAME_WIDTH = COLUMN_WIDTH - 2


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("places", nargs="*", metavar="REV|DIR", help="default: HEAD")
    parser.add_argument("--truth", required=True, metavar="FILE", help="truth.json of 'simulate'")
    parser.add_argument("--species", metavar="NAME", help="default: the only one")


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """Score every place and print one column for each."""
    from pathlib import Path

    from mgit.simulate.commit_score import score_tree
    from mgit.simulate.truth import read_truth

    truth = read_truth(Path(arguments.directory, arguments.truth))
    places = arguments.places or ["HEAD"]
    scores = []
    for place in places:
        commit, snapshot = _locate(arguments.directory, place)
        found = score_tree(snapshot, truth, species=arguments.species)
        scores.append({"place": place, "commit": commit, **found.record()})
    _tell(scores, console)
    console.json({"scores": scores})
    return ExitCode.OK


def _locate(directory: str, place: str) -> "tuple[str, Snapshot]":
    """The commit that a revision names, or the HEAD of the population in a directory."""
    import os

    from mgit.history.repository import Repository

    other = os.path.join(directory, place)
    if os.path.isdir(os.path.join(other, ".mgit")):
        repository, revision = Repository.open(other), "HEAD"
    else:
        repository, revision = Repository.open(directory), place
    commit = repository.resolve(revision)
    return commit, repository.snapshot(commit)


def _tell(scores: "Sequence[Mapping[str, Any]]", console: Console) -> None:
    names = "".join(f"{_short(each['place']):>{COLUMN_WIDTH}}" for each in scores)
    console.out(f"{'':{LABEL_WIDTH}}{names}")
    for label, key, unit, digits in ROWS:
        cells = "".join(f"{_cell(each[key], unit, digits):>{COLUMN_WIDTH}}" for each in scores)
        console.out(f"{label:{LABEL_WIDTH}}{cells}")
    for each in scores:
        if each["missing"]:
            console.note(f"{each['place']} lacks {each['missing']} simulated particles")


def _short(name: str) -> str:
    return name if len(name) <= NAME_WIDTH else f"..{name[2 - NAME_WIDTH :]}"


def _cell(value: "float | None", unit: str, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f} {unit}".rstrip()
