"""How the import check is told, what it refuses, and why it may measure nothing."""

import io
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mgit.cli.console import Console
from mgit.cli.import_check import ImportCheck, run_check
from mgit.curate.coordinate_rivals import CoordinateRival
from mgit.curate.links import RawLinks
from mgit.errors import Refused
from tests.cli.species.conftest import lab
from tests.curate.species_tables import rows_of

__all__ = ["lab"]


def options(**changes):
    """The options that the check reads."""
    return SimpleNamespace(**{"name": "capsid", "no_check": False, "mirror_map": False, **changes})


def place(name="coordinates in pixels of 4 A", *, likelier=True):
    """A rival of the coordinates."""
    return CoordinateRival(
        name=name,
        remedy="'--coordinate-pixel-size 4'",
        positions=np.zeros((1, 1, 3)),
        outside=0.0,
        likelier=likelier,
    )


def checked(lab, **changes):
    """The check of 'capsid' at the tip."""
    words = {"rivals": changes.pop("rivals", ()), "touched": changes.pop("touched", True)}
    repository = lab.repository
    draft = repository.snapshot("HEAD")
    return run_check(repository, draft, options(**changes), Console(), **words)


@pytest.fixture
def mapped(lab):
    """The lab with a species that has a map."""
    words = ("--particles", lab.table(rows_of(8)), "--diameter", "12")
    assert lab("species", "add", "capsid", *words, "--reference", lab.map("ref.mrc")) == 0
    return lab


def test_without_a_map_nothing_is_measured(lab):
    words = ("--particles", lab.table(rows_of(8)), "--diameter", "12")
    lines = lab.lines("species", "add", "capsid", *words)
    assert "  import check: unchecked, there is no map to compare with" in lines


def test_without_raw_data_here_nothing_is_measured(mapped):
    check = checked(mapped)
    assert check.record == {"verdict": "unchecked", "reason": check.reason}
    assert check.reason == "no raw data of 'grid' is linked here ('mgit source link')"


def test_raw_data_that_cannot_be_used_are_named_and_stop_nothing(mapped, tmp_path):
    directory = tmp_path / "raw"
    directory.mkdir()
    local = mapped.repository.layout.local
    RawLinks(Path(local) / "links.json", mapped.repository.files).link("grid", directory)
    check = checked(mapped)
    assert check.verdict == "unchecked"
    assert "TS_0" in check.reason
    check.refuse(Console())


def test_nobody_is_asked_when_nothing_is_new_or_nothing_shall_be_checked(mapped):
    assert checked(mapped, no_check=True).verdict == "skipped"
    assert checked(mapped, touched=False).reason == "neither maps nor particles are new"
    assert checked(mapped, no_check=True).metrics == {"import_check": {"verdict": "skipped"}}


def test_places_alone_can_stop_an_import(mapped):
    check = checked(mapped, rivals=[place("not likely", likelier=False), place()])
    assert check.verdict == check.record["verdict"] == "stopped"
    output = io.StringIO()
    with pytest.raises(Refused) as refusal:
        check.refuse(Console(output))
    assert refusal.value.hint.startswith("give '--coordinate-pixel-size 4'; '--no-check'")
    assert "coordinates_in_pixels_of_4_A" in refusal.value.fields
    assert "coordinates in pixels of 4 A" in output.getvalue()
    assert "not likely" not in output.getvalue()


def test_a_check_is_told_as_an_aligned_table_with_its_warnings_beside():
    check = ImportCheck("passed")
    check.summary = ["  8 particles"]
    check.rows = [
        ("hand of the map", "0.550", "0.159", "-16.8", "agrees"),
        ("sign of the depth", "-", "-", "-", "unknown: for a reason"),
    ]
    check.warnings = ["nothing in common"]
    output, errors = io.StringIO(), io.StringIO()
    check.render(Console(output, errors))
    lines = output.getvalue().splitlines()
    assert lines[:2] == ["  import check: passed", "    8 particles"]
    assert lines[2].split() == ["question", "as", "imported", "rival", "in", "sigma", "verdict"]
    assert lines[3].index("agrees") == lines[4].index("unknown") == lines[2].index("verdict")
    assert errors.getvalue() == "warning: nothing in common\n"
    check.refuse(Console(output, errors))
