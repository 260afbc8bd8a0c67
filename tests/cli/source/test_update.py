"""`mgit source update` takes over a new round and says what it took."""


def test_a_ctf_refinement_becomes_one_commit(added, made, tip):
    code, out, _ = added("source", "update", "lam", "--relion", made.refined_tomograms)
    assert code == 0
    assert "TS_01: took over: defocus" in out
    assert tip() == "Update source lam from CtfRefine/job007/tomograms.star: 2 changed"


def test_the_same_metadata_again_are_refused(added, made, tip):
    assert added("source", "update", "lam", "--relion", made.tomograms)[0] == 1
    assert tip() == "Add source lam: 2 tilt series"


def test_an_unknown_source_is_named_with_those_that_exist(added, made):
    code, _, errors = added("source", "update", "lamb", "--relion", made.tomograms)
    assert code == 5
    assert "'lam'" in errors
