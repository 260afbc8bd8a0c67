"""Files of an export in the terminal."""

import io

from mgit.cli.console import Console
from mgit.cli.render.exported_files import SHOWN_FILES_MAX, show_files
from mgit.curate.export_files import ExportedFile
from mgit.exchange.report import FieldReport


def file(path, note=""):
    line = FieldReport(document=path, field="(voxels)", verdict="added", count=8)
    return ExportedFile(
        path=path, owner="species s", save=lambda _place: None, report=(line,), note=note
    )


def shown(files, *, every_field):
    out = io.StringIO()
    show_files(Console(out, io.StringIO()), files, every_field=every_field)
    return out.getvalue().splitlines()


def test_notes_stand_below_the_table():
    lines = shown([file("a.mrc"), file("b.mrc", "low-passed at 8 A")], every_field=False)
    assert lines[-1] == "b.mrc: low-passed at 8 A"
    assert lines[-2].split() == ["b.mrc", "no", "0", "0", "8", "0"]


def test_a_long_list_is_cut_and_says_so():
    lines = shown([file(f"{n}.mrc") for n in range(SHOWN_FILES_MAX + 3)], every_field=False)
    assert lines[-1] == "... and 3 more files"


def test_every_field_has_its_verdict():
    lines = shown([file("a.mrc")], every_field=True)
    assert lines[-1].split() == ["a.mrc", "(voxels)", "added", "8"]
