import pytest

from mgit.errors import Corrupt, NotFound
from mgit.verify.damage import ANY_CHUNK, ANY_OBJECT, CONSEQUENCES_MAX, DamageLedger
from mgit.verify.findings import Finding, Level


@pytest.fixture
def ledger():
    return DamageLedger()


def finding(subject="s"):
    return Finding(level=Level.GRAPH, kind="k", subject=subject, message="m")


def test_one_damage_is_one_finding_with_its_consequences(ledger):
    ledger.add(finding(), ("object", "a"))
    ledger.add(finding(), ("object", "b"))
    assert ledger.blame(("object", "b"), "second")
    assert ledger.blame(("object", "a"), "first")
    assert ledger.blame(("object", "a"), "first")
    (found,) = ledger.findings()
    assert found.consequences == ("second", "first")


def test_nothing_explains_what_nobody_reported(ledger):
    ledger.add(finding(), ("object", "a"))
    assert not ledger.blame(("object", "x"), "c")
    assert not ledger.explain(Corrupt("m", object="x"), "c")
    assert not ledger.explain(ValueError("m"), "c")


@pytest.mark.parametrize("field", ["object", "tree"])
def test_an_error_is_explained_by_the_object_that_it_names(ledger, field):
    ledger.add(finding(), ("object", "a"))
    assert ledger.explain(Corrupt("m", **{field: "a"}), "c")


def test_an_error_is_explained_by_the_error_that_it_came_from(ledger):
    ledger.add(finding(), ("chunk", "a"))
    outer = Corrupt("outer", path="p")
    outer.__cause__ = Corrupt("inner", chunk="a")
    assert ledger.explain(outer, "c")


def test_what_hides_everything_explains_absence_and_no_other_damage(ledger):
    ledger.add(finding("index"), ANY_OBJECT)
    ledger.add(finding("segment"), ANY_CHUNK)
    assert ledger.explain(NotFound("m", object="x"), "c")
    assert ledger.explain(NotFound("m", chunk="x"), "c")
    assert not ledger.explain(Corrupt("m", object="x"), "c")


def test_a_check_that_raises_becomes_a_finding_and_explains_what_follows(ledger):
    with ledger.watch(("path", "p"), level=Level.GRAPH, kind="k", subject="p"):
        raise Corrupt("broken")
    with ledger.watch(level=Level.GRAPH, kind="other", subject="q", commit="1" * 40):
        raise Corrupt("follows", path="p")
    (found,) = ledger.findings()
    assert (found.kind, found.message) == ("k", "broken")
    assert found.consequences == ("q in 1111111111",)


@pytest.mark.parametrize("error", [KeyError("x"), TypeError("x"), OSError("x"), RecursionError()])
def test_whatever_hostile_bytes_raise_is_a_finding(ledger, error):
    with ledger.watch(level=Level.GRAPH, kind="k", subject="s"):
        raise error
    assert type(error).__name__ in ledger.findings()[0].message


def test_a_mistake_of_the_program_is_none(ledger):
    with (
        pytest.raises(AssertionError),
        ledger.watch(level=Level.GRAPH, kind="k", subject="s"),
    ):
        raise AssertionError


def test_a_cause_of_too_much_says_that_there_is_more(ledger):
    ledger.add(finding(), ANY_CHUNK)
    for number in range(CONSEQUENCES_MAX + 5):
        ledger.blame(ANY_CHUNK, f"array {number}")
    (found,) = ledger.findings()
    assert len(found.consequences) == CONSEQUENCES_MAX + 1
    assert "more" in found.consequences[-1]
