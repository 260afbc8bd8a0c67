"""The journey on simulated images: the table at its end, and the whole on the smallest data."""

import math

import pytest

from mgit.cli.console import Console
from mgit.cli.demo_steps import Steps
from mgit.cli.demo_tilt import compared, tilt_journey


def scores(factor):
    names = (
        "position_rms_angstrom",
        "orientation_rms_degree",
        "tilt_defocus_rms_angstrom",
        "fsc_half_maps_angstrom",
        "fsc_truth_angstrom",
    )
    return dict.fromkeys(names, 8.0 / factor)


def test_the_table_says_by_how_much_every_error_fell():
    rows = compared([scores(1), scores(4), scores(8)])
    assert [row[3] for row in rows] == ["4.0x"] * 5
    assert rows[0] == ("position error, RMS", "8.00 A", "2.00 A", "4.0x", "1.00 A")


def test_what_was_not_measured_is_a_dash_and_has_no_gain():
    nothing = {**scores(1), "fsc_truth_angstrom": None}
    last = compared([nothing, scores(2), scores(2)])[-1]
    assert last[1:4] == ("-", "4.00 A", "-")


@pytest.mark.slow
def test_the_smallest_data_go_through_every_step(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    steps = Steps(Console())
    found = tilt_journey(tmp_path, steps, Console(), seed=0, preset="tiny")
    shown = capsys.readouterr().out
    assert {each["exit_code"] for each in steps.ran} == {0}
    assert "Refine, round 4 of 4" in shown
    assert "consistent: yes" in shown
    assert found["after"]["position_rms_angstrom"] < found["before"]["position_rms_angstrom"]
    assert found["true_geometry"]["position_rms_angstrom"] < 0.01
    assert all(math.isfinite(found["after"][name]) for name in scores(1))
