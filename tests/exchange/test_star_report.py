from mgit.exchange.report import FieldReport
from mgit.exchange.star import parse_star
from mgit.exchange.star_report import column_field, with_every_column

CONTENT = b"data_a\nloop_\n_x\n_y\n1 2\n3 4\ndata_b\n_z 5\n"


def entry(field, verdict, count):
    return FieldReport(document="t.star", field=field, verdict=verdict, count=count)


def test_columns_without_an_entry_are_kept_in_the_order_of_the_document():
    patched = entry("data_a/_y", "patched", 2)
    lines = with_every_column([patched], parse_star(CONTENT, name="t.star"), path="t.star")
    assert lines == (entry("data_a/_x", "kept", 2), patched, entry("data_b/_z", "kept", 1))


def test_what_is_no_column_comes_last():
    extra = [entry("data_a/(row)", "dropped", 1), entry("data_a/_new", "added", 2)]
    lines = with_every_column(extra, parse_star(CONTENT, name="t.star"), path="t.star")
    assert list(lines[-2:]) == extra


def test_names_in_parentheses_are_no_columns():
    assert column_field("a", "x") == "data_a/_x"
    assert column_field("a", "(row)") == "data_a/(row)"
