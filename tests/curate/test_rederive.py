import numpy as np
import pytest

from mgit.curate.intake import read_foreign_source
from mgit.curate.rederive import document_loader, imported_records
from mgit.curate.sources import add_source
from mgit.errors import NotFound
from mgit.state.documents import read_documents
from mgit.state.population import Population
from tests.curate.conftest import make_series, make_source
from tests.curate.foreign_projects import add_relion, add_warp, set_array


def records(tree, name):
    source = Population(tree).source(name)
    return imported_records(tree, source.path, source.items())


def assert_as_imported(tree, name):
    found = records(tree, name)
    for item in Population(tree).source(name).items():
        record = found[item.name]
        assert record.arrays.keys() == set(item.array_names())
        for array, handle in item.arrays().items():
            assert record.arrays[array].values.tobytes() == handle.read().tobytes()
        for attribute, value in record.attributes.items():
            assert item.attributes[attribute] == value


@pytest.mark.parametrize(("add", "name"), [(add_relion, "grid"), (add_warp, "warp")])
def test_documents_say_again_what_the_import_said(tree, add, name):
    add(tree)
    assert_as_imported(tree, name)


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("metadata_zoo/mdoc/tilt_series.mdoc", "relion"),
        ("metadata_zoo/frames_mdoc", "relion"),
        ("warp_xml_golden", "warp"),
        ("ribosome_warptools_particles/tomograms.star", "relion"),
    ],
)
def test_real_documents_say_again_what_the_import_said(tree, shared_data, path, form):
    record = read_foreign_source(shared_data / path, form=form)
    add_source(tree, "s", record, digest_of=lambda raw: None)
    assert_as_imported(tree, "s")


def test_later_changes_do_not_touch_what_the_import_said(tree):
    add_relion(tree)
    before = records(tree, "grid")["TS_01"].arrays["axis_angle"].values
    set_array(tree, "grid", "TS_01", "axis_angle", np.zeros(3))
    assert records(tree, "grid")["TS_01"].arrays["axis_angle"].values.tolist() == before.tolist()


def test_a_series_without_a_readable_document_has_no_record(tree):
    add_source(tree, "s", make_source(make_series("TS_01")), digest_of=lambda raw: None)
    assert records(tree, "s") == {}


def test_the_loader_knows_stored_documents_only(tree):
    files = add_relion(tree)
    item = Population(tree).item("grid", "TS_01")
    load = document_loader(read_documents(tree, item.path))
    assert load("Job/job001/tilt_series/TS_01.star") == files["Job/job001/tilt_series/TS_01.star"]
    with pytest.raises(NotFound, match="not kept"):
        load("elsewhere.star")
