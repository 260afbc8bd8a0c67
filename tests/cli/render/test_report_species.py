"""What the section of a species says."""

import numpy as np

from mgit.cli.render.report_species import SERIES_SHOWN, species_section
from mgit.state.item_scores import ItemScore, write_item_scores
from mgit.state.names import species_path
from mgit.state.series import set_excluded
from mgit.state.species import set_metrics, update_species_attributes
from mgit.survey.report import population_report
from tests.cli.render.pages import Page
from tests.survey.populations import FIRST, SECOND, SPECIES, commit


def section(toy):
    report = population_report(toy.repository, "HEAD", display=lambda _species: None)
    return Page(species_section(report.species[0], anchor="s0"))


def test_facts_carry_their_units(toy):
    text = section(toy).text
    assert "resolution10.3 A (where the FSC falls below 0.143)" in text
    assert "half-sets5 + 5" in text
    assert "diameter300 A" in text
    assert "half map 1, half map 2, mask; 4³ at 5 A" in text
    assert "There are no maps to show." in text


def test_what_the_halves_share_is_said_below_the_curves(toy):
    assert (
        "Half-maps are independent in poses and references, not in deformation and optics."
        in section(toy).text
    )
    flag = {"external_reference": True}
    commit(toy.repository, lambda writer: update_species_attributes(writer, SPECIES, flag))
    text = section(toy).text
    assert "Both halves were aligned to one imported reference: not independent" in text
    assert "external reference: both half-sets share" in text


def test_only_curves_that_there_are_have_a_legend(toy):
    assert "phases randomised" not in section(toy).text
    curves = {name: (np.array([1.0, 0.5, 0.1]), {}) for name in ("fsc", "fsc_phase_randomised")}
    commit(toy.repository, lambda writer: set_metrics(writer, SPECIES, curves))
    text = section(toy).text
    assert "phases randomised" in text
    assert "without mask" not in text


def test_series_are_listed_with_scores_and_bars_to_scale(toy):
    ids = [toy.repository.snapshot("HEAD").attributes(each)["id"] for each in (FIRST, SECOND)]
    scores = {
        ids[0]: ItemScore(before=10.0, after=12.0, particles=5),
        ids[1]: ItemScore(before=4.0, after=3.0, particles=5),
    }

    def edit(writer):
        write_item_scores(writer, SPECIES, scores)
        set_excluded(writer, SECOND, excluded=True, reason="ice")

    assert "Series, most particles first" in section(toy).text
    commit(toy.repository, edit)
    page = section(toy)
    assert "TS_02 (excluded)grid54.00 → 3.00-1.00TS_01grid510.00 → 12.00+2.00" in page.text
    widths = [each["style"] for _, each in page.elements if "width:" in each.get("style", "")]
    assert widths == ["width:25.0%", "width:100.0%"]
    assert "of 2 series: 1 better, 1 worse" in page.text


def test_the_history_tells_verb_settings_and_figures(toy):
    scores = {"items": {"f" * 32: {"after": "1.0"}}}
    record = {
        "settings": {"rounds": 2},
        "metrics": {"ribosome": {"resolution_angstrom": "8.123456", **scores}},
        "raw_level": "tilt_image",
        "device": "cpu",
    }
    with toy.repository.transaction(verb="refine") as transaction:
        update_species_attributes(transaction.draft, SPECIES, {"diameter_angstrom": "310"})
        from tests.survey.populations import ADA

        transaction.commit(message="Refine", who=ADA, provenance=record)
    text = section(toy).text
    assert "mgit refine: rounds 2measured: resolution angstrom 8.123" in text
    assert "raw level tilt image, device cpu" in text
    assert "f" * 32 not in text


def test_a_long_table_is_cut_and_says_so(toy):
    scores = {f"{n:032x}": ItemScore(before=1.0, after=n, particles=1) for n in range(SERIES_SHOWN)}
    commit(
        toy.repository, lambda writer: write_item_scores(writer, species_path("ribosome"), scores)
    )
    page = section(toy)
    assert sum(tag == "tr" for tag, _ in page.elements) == SERIES_SHOWN + 1
    assert "and 2 more" in page.text
