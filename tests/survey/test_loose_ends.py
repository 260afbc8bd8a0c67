"""Particles whose series are gone."""

import pytest

from mgit.errors import Refused
from mgit.survey.loose_ends import homeless_species, refuse_homeless
from tests.survey.populations import FIRST, SPECIES, shift_defocus


def test_removing_a_series_leaves_its_particles_homeless(repository):
    with repository.transaction(verb="test") as transaction:
        draft = transaction.draft
        assert homeless_species(draft) == {}
        draft.remove(FIRST)
        assert homeless_species(draft) == {"ribosome": 1}
        with pytest.raises(Refused) as refusal:
            refuse_homeless(draft, draft.changed_paths())
        assert "ribosome (1 series)" in str(refusal.value)


def test_other_changes_pass(repository):
    with repository.transaction(verb="test") as transaction:
        draft = transaction.draft
        shift_defocus()(draft)
        refuse_homeless(draft, draft.changed_paths())
        draft.remove(SPECIES)
        draft.remove(FIRST)
        refuse_homeless(draft, draft.changed_paths())
