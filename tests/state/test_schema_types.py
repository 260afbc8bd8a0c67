from mgit.state.schema_types import ArraySchema, attributes_of


def schema(name):
    return ArraySchema(name=name, dtype="float64", dimensions=("n",), unit="", meaning="")


def test_a_plain_name_matches_itself_only():
    assert schema("use").matches("use")
    assert not schema("use").matches("use_0")


def test_a_numbered_name_matches_canonical_numbers_only():
    numbered = schema("motion_pyramid_x_<j>")
    assert [
        n
        for n in ("0", "7", "12", "01", "-1", "", "x", "1.0")
        if numbered.matches(f"motion_pyramid_x_{n}")
    ] == ["0", "7", "12"]
    assert not numbered.matches("motion_pyramid_x_<j>")


def test_rows_of_a_table_share_type_and_digest():
    made = attributes_of(
        "decimals", [("a", "angstrom", "one"), ("b", "", "two")], digested=True, length=3
    )
    assert [each.name for each in made] == ["a", "b"]
    assert {(each.value_type, each.in_state_digest, each.length) for each in made} == {
        ("decimals", True, 3)
    }
