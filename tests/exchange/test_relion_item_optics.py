from mgit.exchange.relion_item_optics import grouped_series, item_terms
from mgit.exchange.star import parse_star

HEAD = """data_optics
loop_
_rlnOpticsGroup
_rlnBeamTiltX
1 0.1
2 0.2

data_particles
loop_
_rlnMicrographName
_rlnOpticsGroup
"""


def test_series_have_the_terms_of_their_group():
    found = item_terms(f"{HEAD}a 1\nb 2\na 1\n".encode(), path="p")
    assert found["a"].attributes == {"beam_tilt_x_milliradian": "0.1"}
    assert found["b"].attributes == {"beam_tilt_x_milliradian": "0.2"}


def test_a_series_in_groups_that_differ_has_none():
    assert item_terms(f"{HEAD}a 1\na 2\n".encode(), path="p") == {"a": None}
    equal = f"{HEAD}a 1\na 2\n".replace("2 0.2", "2 0.1")
    assert item_terms(equal.encode(), path="p")["a"] is not None


def test_old_tables_say_it_on_every_row():
    text = "data_\nloop_\n_rlnMicrographName\n_rlnImageName\n_rlnBeamTiltX\na 1@s 0.3\nb 1@t 0.4\n"
    found = item_terms(text.encode(), path="p")
    assert found["b"].attributes == {"beam_tilt_x_milliradian": "0.4"}


def test_groups_list_their_series_once():
    document = parse_star(f"{HEAD}a 1\nb 1\na 1\nb 2\n".encode(), name="p")
    table, series = grouped_series(document)
    assert table is not None
    assert series == {0: ["a", "b"], 1: ["b"]}
