"""The wording of a source."""

import numpy as np

from mgit.state.series import set_excluded, set_use
from tests.survey.populations import FIRST, SECOND, commit


def test_the_worst_series_come_first_with_the_reason(toy):
    commit(toy.repository, lambda writer: set_use(writer, SECOND, np.arange(4) > 1))
    commit(toy.repository, lambda w: set_excluded(w, FIRST, excluded=True, reason="thick ice"))
    lines = toy.lines("source", "show", "grid")
    rows = [line for line in lines if line.startswith("TS_")]
    assert rows[0].startswith("TS_01")
    assert rows[0].endswith("excluded: thick ice")
    assert rows[1].split()[1] == "2/4"
    assert "  series       2, 2 of 8 images used" in lines


def test_deformation_has_a_column_with_its_unit(toy):
    lines = toy.lines("source", "show", "grid")
    assert any("deformation RMS A" in line for line in lines)


def test_the_list_can_be_cut(toy):
    from mgit.cli.console import Console
    from mgit.cli.render.source import show_source
    from mgit.state.population import Population
    from mgit.survey.source import source_summary

    (source,) = Population(toy.repository.snapshot("HEAD")).sources()
    toy.lines("status")
    show_source(Console(), source_summary(source), None, limit=1)
    assert "and 1 more: '--all' lists every one" in toy._capsys.readouterr().out
