"""What the report gathers."""

import numpy as np
import pytest

from mgit.errors import NotFound
from mgit.state.item_scores import ItemScore, write_item_scores
from mgit.state.series import set_excluded
from mgit.state.species import set_maps, set_metrics
from mgit.survey.report import COMMITS_SHOWN, DisplayMap, population_report
from tests.survey.populations import (
    CUBE,
    FIRST,
    SECOND,
    SPECIES,
    add_species,
    commit,
    move_particles,
    shift_defocus,
)


def gathered(repository, shown=None, **options):
    return population_report(repository, "HEAD", display=lambda _species: shown, **options)


def test_a_species_without_a_picture_has_the_rest(repository):
    report = gathered(repository)
    assert (report.population, report.commit.subject) == ("toy", "Add species ribosome")
    (species,) = report.species
    assert species.slices is None
    assert species.curves.corrected.tolist() == [1.0, 0.9, 0.1]
    assert not species.curves_measured
    assert species.directions.particles == 10
    assert [(each.name, each.source, each.particles) for each in species.series] == [
        ("TS_01", "grid", 5),
        ("TS_02", "grid", 5),
    ]
    assert species.maps_origin.commit.subject == "Add species ribosome"


def test_the_maps_are_from_the_commit_that_made_them_last(repository):
    commit(repository, lambda w: set_maps(w, SPECIES, half_maps=(CUBE + 2, CUBE)), "New maps")
    commit(repository, move_particles(), "Move")
    (species,) = gathered(repository).species
    assert species.maps_origin.commit.subject == "New maps"
    assert [each.commit.subject for each in species.history] == [
        "Move",
        "New maps",
        "Add species ribosome",
    ]
    assert not species.has_older


def test_only_commits_that_changed_the_species_are_listed_and_long_chains_are_cut(repository):
    for step in range(COMMITS_SHOWN):
        commit(repository, move_particles(by=1.0 + step), f"step {step}")
    commit(repository, shift_defocus(), "another thing")
    (species,) = gathered(repository).species
    assert len(species.history) == COMMITS_SHOWN
    assert species.history[0].commit.subject == f"step {COMMITS_SHOWN - 1}"
    assert species.has_older


def test_series_with_scores_come_first_worst_first(repository):
    ids = [repository.snapshot("HEAD").attributes(each)["id"] for each in (FIRST, SECOND)]
    scores = {
        ids[0]: ItemScore(before=3.0, after=4.0, particles=5),
        "f" * 32: ItemScore(before=1.0, after=1.0, particles=0),
    }

    def edit(writer):
        write_item_scores(writer, SPECIES, scores)
        set_excluded(writer, SECOND, excluded=True, reason="ice")

    commit(repository, edit)
    series = gathered(repository).species[0].series
    assert [each.name for each in series] == ["f" * 32, "TS_01", "TS_02"]
    assert [each.excluded for each in series] == [False, False, True]
    assert series[1].score == scores[ids[0]]


def test_curves_that_were_measured_for_the_picture_fill_in(repository):
    from mgit.state.fsc_metrics import FscMetrics

    curves = FscMetrics(frequency=np.array([0.0, 0.1, 0.2]), corrected=np.array([1.0, 0.5, 0.0]))
    shown = DisplayMap(values=CUBE, description="as told", curves=curves)
    (species,) = gathered(repository, shown).species
    assert not species.curves_measured
    commit(repository, lambda writer: set_metrics(writer, SPECIES, {}))
    (species,) = gathered(repository, shown).species
    assert species.curves_measured
    assert species.curves is curves
    assert species.summary.resolution is None
    assert 1 / species.resolution_angstrom == pytest.approx(0.1 + 0.1 * (0.5 - 0.143) / 0.5)
    assert species.map_description == "as told"
    assert species.slices.edge_angstrom == 20.0
    assert species.slices.masked


def test_species_are_chosen_by_name(repository):
    commit(repository, lambda writer: add_species(writer, "virus"))
    assert [each.summary.name for each in gathered(repository).species] == ["ribosome", "virus"]
    (one,) = gathered(repository, species=["virus", "virus"]).species
    assert one.summary.name == "virus"
    with pytest.raises(NotFound):
        gathered(repository, species=["bacterium"])
