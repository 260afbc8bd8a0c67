import numpy as np
import pytest

from mgit.curate.export import exported_files
from mgit.curate.export_warp import new_item_xml
from mgit.errors import Unsupported
from mgit.exchange.warp_tilt_series import read_tilt_series
from mgit.state.population import Population
from tests.curate.foreign_projects import add_relion, add_warp, set_array


def test_xml_of_warp_stays(tree, tmp_path):
    content = add_warp(tree)
    (file,) = exported_files(tree, form="warp")
    file.save(tmp_path / "x.xml")
    assert (file.path, file.unchanged) == ("tiltseries/TS_1.xml", True)
    assert (tmp_path / "x.xml").read_bytes() == content


def test_a_series_of_relion_gets_a_new_xml_with_the_same_values(tree):
    add_relion(tree)
    item = Population(tree).item("grid", "TS_01")
    document = new_item_xml(item, directory="tiltseries/")
    assert document.path == "tiltseries/TS_01.xml"
    record = read_tilt_series(document.content, document.path)
    for name, handle in item.arrays().items():
        assert np.allclose(record.arrays[name].values, handle.read(), rtol=0, atol=1e-9)
    for name in ("hand", "voltage_kilovolt", "pixel_size_angstrom", "volume_dimensions_angstrom"):
        assert record.attributes[name] == item.attributes[name]


def test_what_warp_cannot_hold_is_refused_by_name_unless_told_otherwise(tree):
    add_relion(tree)
    set_array(tree, "grid", "TS_01", "ctf_scale", [1.0, 0.9, 0.8])
    with pytest.raises(Unsupported) as caught:
        exported_files(tree, form="warp")
    assert caught.value.fields["term"] == "ctf_scale"
    assert caught.value.fields["values"] == 2
    assert len(exported_files(tree, form="warp", lossy=True)) == 2
