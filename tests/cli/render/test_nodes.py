"""The wording of commits, series, arrays and groups."""

import numpy as np

from mgit.cli.console import Console
from mgit.cli.render.nodes import show_array, show_population
from mgit.survey.arrays import array_summary
from mgit.survey.population import PopulationSummary
from mgit.testing.memory import MemoryTree


def shown(capsys, values, path="x/defocus"):
    tree = MemoryTree()
    tree.set_array(path, values, attributes={"margins": ["0"]})
    show_array(Console(), array_summary(path, tree.array(path)), None)
    return capsys.readouterr().out.splitlines()


def test_an_array_has_unit_range_and_attributes(capsys):
    lines = shown(capsys, np.array([1.0, 3.0]))
    assert "  unit     A" in lines
    assert "  range    1 .. 3" in lines
    assert "  mean     2 A" in lines
    assert "  margins  ['0']" in lines


def test_flags_have_a_share_and_no_mean(capsys):
    lines = shown(capsys, np.array([True, False]), path="x/use")
    assert "  range    50% true" in lines
    assert not any("mean" in line for line in lines)


def test_an_empty_population_says_what_to_do(capsys):
    show_population(Console(), PopulationSummary(name="toy", sources=(), species=()))
    assert "source add" in capsys.readouterr().out
