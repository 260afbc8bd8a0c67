import numpy as np
import pytest

from mgit.curate.export_documents import source_documents, species_documents
from mgit.curate.intake import read_foreign_source
from mgit.curate.sources import add_source
from mgit.state.population import Population
from mgit.state.series import set_excluded, set_use, update_item_attributes
from mgit.state.species import set_particles
from tests.curate.foreign_projects import add_relion, add_warp, cells, set_array
from tests.curate.species_tables import (
    rows_of,
    species_of,
    table_bytes,
    write_source,
    write_species,
)

SET = "Job/job001/tomograms.star"
TABLE = "Job/job001/tilt_series/TS_01.star"


def exported(tree, name="grid"):
    source = Population(tree).source(name)
    return {each.path: each for each in source_documents(tree, source)}


def verdicts(document):
    return {(x.field, x.verdict): x.count for x in document.report if x.verdict != "kept"}


def test_an_untouched_source_gives_its_documents_back(tree):
    files = add_relion(tree)
    found = exported(tree)
    assert {path: each.content for path, each in found.items()} == files
    assert all(each.unchanged and not verdicts(each) for each in found.values())


def test_a_changed_array_changes_its_columns_in_its_own_document(tree):
    files = add_relion(tree)
    set_array(tree, "grid", "TS_01", "axis_angle", [85.0, 86.5, 85.0])
    found = exported(tree)
    assert verdicts(found[TABLE]) == {("data_TS_01/_rlnTomoZRot", "patched"): 1}
    assert cells(found[TABLE].content, "TS_01", "rlnTomoZRot") == ("85.00", "86.50", "85.00")
    assert [path for path, each in found.items() if each.content != files[path]] == [TABLE]


def test_a_changed_attribute_changes_its_row_of_the_set(tree):
    add_relion(tree)
    update_item_attributes(tree, Population(tree).item("grid", "TS_02").path, {"hand": 1})
    content = exported(tree)[SET].content
    assert cells(content, "global", "rlnTomoHand") == ("-1", "1")
    assert content.startswith(b"# kept comment\n")


def test_an_excluded_series_leaves_the_set(tree):
    add_relion(tree)
    set_excluded(tree, Population(tree).item("grid", "TS_01").path, excluded=True)
    document = exported(tree)[SET]
    assert cells(document.content, "global", "rlnTomoName") == ("TS_02",)
    assert verdicts(document) == {("data_global/(row)", "dropped"): 1}


def test_tilts_out_of_use_leave_their_table(tree):
    add_relion(tree)
    set_use(tree, Population(tree).item("grid", "TS_01").path, np.array([True, False, True]))
    document = exported(tree)[TABLE]
    assert verdicts(document) == {("data_TS_01/(tilt)", "dropped"): 1}
    assert len(cells(document.content, "TS_01", "rlnTomoZRot")) == 2


def test_a_term_that_relion_cannot_hold_is_named(tree):
    add_relion(tree)
    set_array(tree, "grid", "TS_01", "image_warp_x", np.ones((3, 2, 2)))
    assert verdicts(exported(tree)[TABLE]) == {("data_TS_01/(image_warp_x)", "dropped"): 12}


def test_warp_xml_is_patched_node_by_node(tree):
    content = add_warp(tree)
    assert exported(tree, "warp")["tiltseries/TS_1.xml"].content == content
    item = Population(tree).item("warp", "TS_1")
    offsets = item.array("axis_offset_x").read() + np.eye(1, item.array("use").shape[0])[0]
    set_array(tree, "warp", "TS_1", "axis_offset_x", offsets)
    document = exported(tree, "warp")["tiltseries/TS_1.xml"]
    assert verdicts(document) == {("AxisOffsetX", "patched"): 1}


def test_settings_do_not_leak_into_the_documents_of_items(tree, shared_data, tmp_path):
    (tmp_path / "x").mkdir()
    xml = (shared_data / "warp_xml_golden" / "xf_import" / "00254.xml").read_bytes()
    (tmp_path / "x" / "00254.xml").write_bytes(xml)
    (tmp_path / "x.settings").write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n<Settings>\n'
        '<Import><Param Name="ProcessingFolder" Value="x" />'
        '<Param Name="PixelSize" Value="1.7" /></Import>\n'
        '<Tomo><Param Name="DimensionsX" Value="100" /><Param Name="DimensionsY" Value="80" />'
        '<Param Name="DimensionsZ" Value="40" /></Tomo>\n</Settings>\n'
    )
    record = read_foreign_source(tmp_path / "x.settings", form="warp")
    add_source(tree, "x", record, digest_of=lambda raw: None)
    assert (
        Population(tree).item("x", "00254").attributes["volume_dimensions_angstrom"][0] == "170.0"
    )
    assert exported(tree, "x")["x/00254.xml"].content == xml


def test_a_change_that_no_document_takes_is_told(tree, shared_data):
    mdoc = shared_data / "metadata_zoo" / "mdoc" / "tilt_series.mdoc"
    record = read_foreign_source(mdoc, form="relion")
    add_source(tree, "s", record, digest_of=lambda raw: None)
    assert verdicts(exported(tree, "s")["tilt_series.mdoc"]) == {}
    angles = Population(tree).item("s", "tilt_series").array("tilt_angle").read() + 0.5
    set_array(tree, "s", "tilt_series", "tilt_angle", angles)
    document = exported(tree, "s")["tilt_series.mdoc"]
    assert verdicts(document) == {("(tilt_angle of tilt_series)", "dropped"): len(angles)}
    assert document.content == mdoc.read_bytes()


@pytest.fixture
def particles(tree):
    write_source(tree, "TS_01", "TS_02")
    rows = rows_of(8)
    write_species(tree, rows)
    return table_bytes(rows)


def tables(tree):
    items = Population(tree).items_by_id()
    return list(species_documents(tree, species_of(tree), items))


def test_an_untouched_species_gives_its_table_back(tree, particles):
    (document,) = tables(tree)
    assert (document.content, document.unchanged) == (particles, True)
    assert document.path == "Refine3D/job001/run_data.star"


def test_removed_particles_leave_the_table(tree, particles):
    columns = species_of(tree).particles.load()
    set_particles(tree, species_of(tree).path, columns.take(columns.source_row != 3))
    (document,) = tables(tree)
    before = particles.splitlines()
    gone = [line for line in before if line.startswith(b"TS_02 TS_02/4")]
    assert document.content.splitlines() == [line for line in before if line not in gone]
    assert verdicts(document) == {("data_particles/(row)", "dropped"): 1}


def test_a_changed_pixel_size_reaches_the_copy_in_the_items(tree):
    content = add_warp(tree)
    path = Population(tree).item("warp", "TS_1").path
    update_item_attributes(tree, path, {"pixel_size_angstrom": "1.625"})
    document = exported(tree, "warp")["tiltseries/TS_1.xml"]
    assert verdicts(document) == {("OptionsCTF/PixelSize", "patched"): 1}
    assert len(document.content.splitlines()) == len(content.splitlines())
    assert (
        sum(
            a != b for a, b in zip(content.splitlines(), document.content.splitlines(), strict=True)
        )
        == 1
    )
