"""The mean map, and the way to its filter."""

import sys

import numpy as np
import pytest

from mgit.curate.map_filters import mean_map, prepared_filter
from mgit.errors import NotFound, Unsupported
from mgit.state.species import set_maps
from tests.curate.species_tables import cube, rows_of, species_of, write_source, write_species


@pytest.fixture
def species(tree):
    write_source(tree, "TS_01", "TS_02")
    write_species(tree, rows_of(4))
    return species_of(tree)


def test_the_mean_is_taken_in_single_precision(tree, species):
    with pytest.raises(NotFound):
        mean_map(species)
    set_maps(tree, species.path, half_maps=(cube(seed=1), cube(seed=2)))
    found = mean_map(species_of(tree))
    assert found.dtype == np.float32
    assert np.allclose(2 * found, cube(seed=1) + cube(seed=2))


def test_a_library_that_is_missing_is_named_with_its_remedy(species, monkeypatch):
    monkeypatch.delitem(sys.modules, "mgit.curate.filtered_maps", raising=False)
    for name in [each for each in sys.modules if each.startswith("mgit.maps.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(Unsupported) as missing:
        prepared_filter(species)
    assert missing.value.fields["library"].startswith("scipy")
    assert "mgit[refine]" in missing.value.hint
