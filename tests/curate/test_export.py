import numpy as np
import pytest

from mgit.curate.export import FORMATS, exported_files, lost_terms
from mgit.curate.export_documents import PARTICLE_ROLES
from mgit.errors import NotFound, Refused, Unsupported
from mgit.exchange.motive_lists import read_dynamo
from mgit.exchange.report import FieldReport
from tests.curate.foreign_projects import add_relion, set_array
from tests.curate.species_tables import rows_of, write_source, write_species


@pytest.fixture
def population(tree):
    files = add_relion(tree)
    write_species(tree, rows_of(4))
    return {*files, "Refine3D/job001/run_data.star"}


def paths(files):
    return {file.path for file in files}


def test_everything_is_exported_when_nothing_is_named(tree, population):
    assert paths(exported_files(tree)) == population


def test_only_what_is_named_is_exported(tree, population):
    table = {"Refine3D/job001/run_data.star"}
    assert paths(exported_files(tree, species=("capsid",))) == table
    assert paths(exported_files(tree, sources=("grid",))) == population - table
    assert paths(exported_files(tree, species=("capsid",), sources=("grid",))) == population


def test_unknown_names_are_not_found(tree, population):
    for choice in ({"species": ("x",)}, {"sources": ("x",)}):
        with pytest.raises(NotFound):
            exported_files(tree, **choice)


def test_star_holds_particle_tables_only(tree, population):
    files = exported_files(tree, form="star")
    assert {file.role for file in files} <= set(PARTICLE_ROLES)
    assert paths(files) == {"Refine3D/job001/run_data.star"}


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "m"])
def test_an_empty_population_has_nothing_to_export(tree, form):
    with pytest.raises(Refused, match="nothing to export"):
        exported_files(tree, form=form)


@pytest.mark.parametrize("form", ["original", "relion"])
def test_a_lost_term_is_refused_by_name_unless_lossy(tree, population, form):
    set_array(tree, "grid", "TS_02", "volume_warp_x", np.ones((1, 2, 2, 2)))
    with pytest.raises(Unsupported) as caught:
        exported_files(tree, form=form)
    assert caught.value.fields["term"] == "volume_warp_x"
    files = exported_files(tree, form=form, lossy=True)
    assert [line.count for file in files for line in lost_terms(file.report)] == [8]


def test_removed_rows_and_tilts_are_no_loss():
    fields = ("data_a/(row)", "data_a/(tilt)", "data_a/(image_warp_x)", "data_a/_rlnX", "GridX")
    lines = [FieldReport(document="a", field=f, verdict="dropped", count=1) for f in fields]
    assert [line.field for line in lost_terms(lines)] == ["data_a/(image_warp_x)"]


def test_tables_of_other_pickers_are_passed_on_as_particle_tables(tree, tmp_path):
    write_source(tree, "1")
    rows = [[at, *[0] * 18, 1, 0, 0, 0, 100, 100 + at, 100, 0] for at in range(3)]
    content = "\n".join(" ".join(map(str, row)) for row in rows).encode()
    table = read_dynamo(content, path="a.tbl", pixel_size_angstrom=2.0)
    write_species(tree, None, table=table, new_split=True)
    (file,) = exported_files(tree, form="star")
    file.save(tmp_path / "a.tbl")
    assert (tmp_path / "a.tbl").read_bytes() == content
