"""The wording of a species."""

from mgit.cli.render.species import origin_lines, resolution_text, settings_text
from mgit.state.species import read_species, set_metrics, update_species_attributes
from mgit.survey.commits import last_change
from mgit.survey.species import species_summary
from tests.survey.populations import SPECIES, commit


def test_the_resolution_says_where_it_is_from(toy):
    def text():
        return resolution_text(
            species_summary(read_species(toy.repository.snapshot("HEAD"), SPECIES))
        )

    assert text().endswith("A (where the FSC falls below 0.143)")
    commit(toy.repository, lambda writer: set_metrics(writer, SPECIES, {}))
    assert text() == "not measured"
    stated = {"resolution_angstrom": "3.5"}
    commit(toy.repository, lambda writer: update_species_attributes(writer, SPECIES, stated))
    assert text() == "3.5 A (as recorded)"


def test_the_origin_names_verb_and_settings(toy):
    origin = last_change(toy.repository, "HEAD", SPECIES)
    lines = origin_lines(origin)
    assert lines[1] == f"last changed by {toy.tip()[:10]} Add species ribosome"
    assert lines[2] == "  mgit test: why a test"
    assert origin_lines(None) == []


def test_settings_within_settings_are_words_too():
    record = {"settings": {"options": {"image_warp": "3x3", "seed": "0"}, "force": True}}
    assert settings_text(record) == ": options (image warp 3x3, seed 0), force yes"


def test_flags_are_explained(toy):
    flag = {"external_reference": True}
    commit(toy.repository, lambda writer: update_species_attributes(writer, SPECIES, flag))
    text = "\n".join(toy.lines("species", "show", "ribosome"))
    assert "external reference: both half-sets share" in text


def test_a_curve_says_what_its_halves_share(toy):
    def text():
        return "\n".join(toy.lines("species", "show", "ribosome"))

    assert "independent in poses and references, not in deformation and optics" in text()
    flag = {"external_reference": True}
    commit(toy.repository, lambda writer: update_species_attributes(writer, SPECIES, flag))
    assert "not independent inside its band" in text()
    commit(toy.repository, lambda writer: set_metrics(writer, SPECIES, {}))
    assert "inside its band" not in text()


def test_a_b_factor_has_its_unit(toy):
    import numpy as np

    metric = {"b_factor_angstrom2": (np.array(-87.25), {})}
    commit(toy.repository, lambda writer: set_metrics(writer, SPECIES, metric))
    assert "  B factor     -87.2 A^2" in toy.lines("species", "show", "ribosome")
