"""The table of verbs is complete and consistent."""

from mgit.cli.verbs import GROUPS, VERBS, find, modules


def test_names_are_unique_and_groups_known():
    names = [verb.name for verb in VERBS]
    assert len(names) == len(set(names))
    assert {verb.group for verb in VERBS} == set(GROUPS)


def test_a_verb_has_a_module_or_children_but_not_both():
    for verb in VERBS:
        assert (verb.module is None) == bool(verb.children)


def test_help_lines_are_short_sentences_without_a_full_stop():
    for verb in [*VERBS, *(child for each in VERBS for child in each.children)]:
        assert verb.help == verb.help.strip()
        assert not verb.help.endswith(".")
        assert len(verb.help) <= 80


def test_find_looks_in_one_table():
    assert find("add") is None
    assert find("add", find("source").children).module == "mgit.cli.source.add"


def test_modules_lists_families_too():
    listed = modules()
    assert "mgit.cli.log" in listed
    assert "mgit.cli.species.particles" in listed
    assert len(listed) == len(set(listed))
