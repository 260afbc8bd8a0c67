"""Joining lines of history."""

import pytest

from mgit.errors import DirtyStage, MergeConflict, Refused
from mgit.history import branches
from mgit.history.commits import format_commit
from mgit.merge.join import course_of, fast_forward, merge_into
from mgit.state.species import read_species
from tests.survey.populations import (
    ADA,
    SPECIES,
    commit,
    move_particles,
    shift_defocus,
    stage,
)


def fork(repository, ours, theirs):
    """Edit 'main' and a branch 'side' that begins at its tip."""
    branches.create(repository, "side", who=ADA)
    commit(repository, theirs, branch="side")
    commit(repository, ours)


def merge(repository, revision="side"):
    course = course_of(repository, revision)
    parents = (course.ours, course.theirs)
    with repository.transaction(verb="merge", parents=parents) as transaction:
        merged = merge_into(transaction, repository, course)
        record = transaction.commit(message="merge", who=ADA, provenance={})
    return record, merged


def test_the_course_says_which_way_it_goes(repository):
    assert course_of(repository, "HEAD~1").kind == "up to date"
    assert course_of(repository, "HEAD").kind == "up to date"
    branches.create(repository, "side", who=ADA)
    commit(repository, shift_defocus(), branch="side")
    assert course_of(repository, "side").kind == "fast-forward"
    commit(repository, move_particles())
    assert course_of(repository, "side").kind == "merge"


@pytest.mark.parametrize("detached", [False, True])
def test_a_fast_forward_moves_the_branch_or_the_detached_head(repository, detached):
    branches.create(repository, "side", who=ADA)
    tip = commit(repository, shift_defocus(), branch="side").id
    if detached:
        branches.switch(repository, "HEAD", who=ADA, detach=True)
    fast_forward(repository, course_of(repository, "side"), who=ADA, message="forward")
    assert repository.resolve("HEAD") == tip
    assert (repository.resolve("main") == tip) is not detached


def test_a_merge_has_two_parents_and_both_changes(repository):
    fork(repository, shift_defocus("TS_01"), shift_defocus("TS_02"))
    tips = (repository.resolve("main"), repository.resolve("side"))
    record, merged = merge(repository)
    assert record.parents == tips
    assert merged.stale == ()
    assert course_of(repository, "side").kind == "up to date"


def test_poses_over_the_other_sides_geometry_are_marked(repository):
    fork(repository, shift_defocus("TS_01"), move_particles())
    _, merged = merge(repository)
    assert [each.name for each in merged.stale] == ["ribosome"]
    species = read_species(repository.snapshot("HEAD"), SPECIES)
    assert species.flag("needs_refinement")


def test_a_conflict_names_everything_and_writes_nothing(repository):
    def both(by):
        def edit(writer):
            shift_defocus("TS_01", by)(writer)
            move_particles(by)(writer)

        return edit

    fork(repository, both(1.0), both(2.0))
    before = repository.refs.all()
    with pytest.raises(MergeConflict) as refusal:
        merge(repository)
    assert "2 things" in refusal.value.message
    assert "series 'TS_01' of source 'grid': changed on both sides" in str(refusal.value)
    assert "species 'ribosome'" in str(refusal.value)
    assert repository.refs.all() == before


def test_a_dirty_stage_is_in_the_way(repository):
    stage(repository, shift_defocus())
    with pytest.raises(DirtyStage):
        course_of(repository, "HEAD~1")


def test_unrelated_histories_are_refused(repository):
    raw = format_commit(
        tree=repository.commit("HEAD").tree,
        parents=(),
        author=ADA,
        committer=ADA,
        message="from nowhere",
        trailers={},
    )
    repository.objects.write_pack([("commit", raw)])
    from mgit.history.commits import commit_id

    with pytest.raises(Refused, match="no commit in common"):
        course_of(repository, commit_id(raw))


def test_after_a_criss_cross_only_what_the_ancestors_agree_on_can_be_merged(repository):
    fork(repository, shift_defocus("TS_01"), shift_defocus("TS_02"))
    ours, theirs = repository.resolve("main"), repository.resolve("side")
    merge(repository)
    course = course_of(repository, "side")
    assert course.kind == "up to date"
    with repository.transaction(verb="merge", branch="side", parents=(theirs, ours)) as transaction:
        from mgit.merge.join import Course

        crossed = Course(
            kind="merge", ours=theirs, theirs=ours, bases=repository.merge_bases(ours, theirs)
        )
        merge_into(transaction, repository, crossed)
        transaction.commit(message="the other way round", who=ADA, provenance={})
    commit(repository, shift_defocus("TS_01", 7.0))
    commit(repository, move_particles(), branch="side")
    course = course_of(repository, "side")
    assert set(course.bases) == {ours, theirs}
    with pytest.raises(MergeConflict, match="ancestors disagree"):
        merge(repository)
