"""The wording of a difference."""

import numpy as np

from mgit.cli.render.difference import difference_lines
from mgit.state.documents import write_document
from mgit.state.series import set_excluded, set_use, update_item_arrays
from mgit.state.species import update_species_attributes
from mgit.survey.difference import tree_difference
from tests.survey.populations import (
    FIRST,
    SPECIES,
    add_series,
    add_source,
    commit,
    move_particles,
    shift_defocus,
)


def lines(toy, edit, **options):
    commit(toy.repository, edit)
    trees = [toy.repository.snapshot(each) for each in ("HEAD~1", "HEAD")]
    return difference_lines(tree_difference(*trees), **options)


def test_arrays_are_told_with_size_and_unit(toy):
    assert lines(toy, shift_defocus(by=-12.5))[1:] == [
        "  ~ series TS_01",
        "      defocus  by 12.5 RMS, at most 12.5 A",
    ]


def astigmatic(writer, difference, angle):
    arrays = {"defocus_delta": difference, "defocus_angle": angle}
    values = {name: (np.full(4, float(value)), {}) for name, value in arrays.items()}
    update_item_arrays(writer, FIRST, values)


def test_astigmatism_is_told_as_one_thing(toy):
    commit(toy.repository, lambda writer: astigmatic(writer, 450, 20))
    swapped = lines(toy, lambda writer: astigmatic(writer, -450, 110))
    assert swapped[-1] == (
        "      astigmatism  the same in other words: U and V exchanged, or whole turns"
    )
    changed = lines(toy, lambda writer: astigmatic(writer, 455, 20))
    assert changed[-1] == "      astigmatism  by 5 RMS, at most 5 A"


def test_flags_and_values_are_told_old_and_new(toy):
    changes = {"needs_refinement": True, "diameter_angstrom": "310"}
    found = lines(toy, lambda writer: update_species_attributes(writer, SPECIES, changes))
    assert "    needs refinement: no -> yes" in found
    assert "    diameter angstrom: 300.0 -> 310.0" in found


def test_exclusions_and_use_are_told_in_words(toy):
    def edit(writer):
        set_use(writer, FIRST, np.arange(4) > 0)
        set_excluded(writer, FIRST, excluded=True, reason="ice")

    found = lines(toy, edit)
    assert "      use  other images are used" in found
    assert "      excluded: no -> yes" in found
    assert "      exclusion reason: none -> ice" in found


def test_a_document_that_replaces_another_shares_its_line(toy):
    def edit(writer):
        for path in writer.children(f"{FIRST}/documents"):
            writer.remove(f"{FIRST}/documents/{path}")
        write_document(
            writer, FIRST, role="warp_tilt_series_xml", path="new/TS_01.xml", content=b"x"
        )

    found = lines(toy, edit)
    assert "      ~ document TS_01.xml -> new/TS_01.xml (warp tilt series xml)" in found


def test_long_lists_of_series_are_cut(toy):
    def edit(writer):
        for number in range(5):
            add_series(writer, f"TS_1{number}")

    found = lines(toy, edit, limit=2)
    assert found[-1] == "    and 3 more series differ: '--all' lists every one"


def test_sources_come_whole(toy):
    found = lines(toy, lambda writer: add_source(writer, "other", ("TS_21",)))
    assert found == ["+ source other", "    1 series"]


def test_particles_that_go_do_not_make_every_column_news(toy):
    found = lines(toy, move_particles(drop=1))
    assert "    - 1 particle" in found
    assert not any("particle columns" in line for line in found)
