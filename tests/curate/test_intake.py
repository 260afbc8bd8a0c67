"""The reader that fits what the user names, or an error that says what would."""

import pytest

from mgit.curate.intake import read_foreign_source
from mgit.errors import InvalidInput, NotFound
from mgit.simulate.made_project import make_project


@pytest.fixture
def made(tmp_path):
    return make_project(tmp_path / "relion", particles_per_series=2)


def test_a_tomogram_set_is_read_with_its_path_in_the_project(made):
    record = read_foreign_source(made.tomograms, form="relion")
    assert record.kind == "tilt_series"
    assert record.documents[0].path == "Tomograms/job004/tomograms.star"


def test_a_table_that_may_be_cut_off_is_noted(made):
    table = made.directory / "Tomograms/job004/tilt_series/TS_02.star"
    table.write_bytes(table.read_bytes().rstrip())
    record = read_foreign_source(made.tomograms, form="relion")
    assert [note for note in record.notes if "cut off" in note] == [
        "'Tomograms/job004/tilt_series/TS_02.star' ends without a line end: it may be cut off"
    ]


def test_an_optimisation_set_leads_to_its_tomograms_and_is_kept(made):
    file = made.directory / "optimisation_set.star"
    file.write_text(
        "data_\n\n_rlnTomoParticlesFile Extract/job005/particles.star\n"
        "_rlnTomoTomogramsFile Tomograms/job004/tomograms.star\n"
    )
    record = read_foreign_source(file, form="relion")
    assert [series.name for series in record.series] == ["TS_01", "TS_02"]
    assert [each.role for each in record.documents] == [
        "relion_tomograms",
        "relion_optimisation_set",
    ]


def test_a_warp_directory_of_real_series_is_read(shared_data):
    record = read_foreign_source(shared_data / "warp_xml_golden", form="warp")
    assert {series.name for series in record.series} == {"TS_1", "00254"}


def test_an_mdoc_is_read_by_its_suffix(shared_data):
    file = shared_data / "metadata_zoo/mdoc/tilt_series.mdoc"
    record = read_foreign_source(file, form="relion")
    (series,) = record.series
    assert series.documents[0].path == "tilt_series.mdoc"


def test_what_is_not_there_or_not_a_file_is_named(made, tmp_path):
    with pytest.raises(NotFound, match=r"gone\.star"):
        read_foreign_source(tmp_path / "gone.star", form="relion")
    with pytest.raises(InvalidInput, match="relion"):
        read_foreign_source(made.directory, form="relion")
