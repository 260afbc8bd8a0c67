"""The check as the verbs of species run it: on the draft, with other readings of the table."""

import subprocess
import sys
from types import SimpleNamespace

from mgit.cli.species.checked import rivals_of
from mgit.curate.particle_files import find_particle_files, read_particle_files
from mgit.curate.particle_intake import ItemVolumes
from tests.curate.species_tables import rows_of


def readings(lab, file, *, no_check=False):
    """Other readings of the table that 'capsid' was imported from."""
    draft = lab.repository.snapshot("HEAD")
    volumes = ItemVolumes(draft)
    files = find_particle_files(file)
    table = read_particle_files(
        files, volumes=volumes.volumes(), coordinate_pixel_size_angstrom=None
    )
    arguments = SimpleNamespace(name="capsid", no_check=no_check)
    return rivals_of(arguments, files, table, volumes, draft)


def test_the_table_is_read_again_in_other_ways(capsid, tmp_path):
    (rival,), series = readings(capsid, tmp_path / "run_data.star")
    assert series is None
    assert rival.name == "coordinates from the centre of the tomogram"
    assert rival.positions.shape == capsid.species().particles.load().positions.shape
    assert readings(capsid, tmp_path / "run_data.star", no_check=True) == ((), None)


def test_particles_of_another_table_have_no_other_readings(capsid, tmp_path):
    capsid.table(rows_of(5), name="other.star")
    assert readings(capsid, tmp_path / "other.star") == ((), None)


def test_the_verdict_stands_below_the_result_and_in_the_document(lab):
    words = ("--particles", lab.table(rows_of(8)), "--diameter", "12")
    record = lab.json("species", "add", "capsid", *words, "--no-check")
    assert record["import_check"] == {"verdict": "skipped"}
    update = ("species", "update", "capsid", "--mask", lab.map("mask.mrc"))
    assert "  import check: skipped, neither maps nor particles are new" in lab.lines(*update)


def test_an_import_that_measures_nothing_loads_no_numerical_library(lab):
    words = [*("species", "add", "capsid", "--particles", lab.table(rows_of(8))), "--diameter=12"]
    script = (
        "import sys; from mgit.cli.main import main; "
        f"code = main({['-C', lab.directory, *words, '--reference', lab.map('ref.mrc')]!r}); "
        "loaded = {'torch', 'numba', 'zarr'} & set(sys.modules); sys.exit(repr(loaded)) "
        "if code or loaded else None"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
