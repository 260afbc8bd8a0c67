import numpy as np

from mgit.exchange.records import Document
from mgit.exchange.relion_item_optics import item_terms
from mgit.exchange.relion_optics_export import patch_optics

TABLE = b"""data_optics
loop_
_rlnOpticsGroup
_rlnOddZernike
_rlnEvenZernike
_rlnMagMat00
_rlnMagMat01
_rlnMagMat10
_rlnMagMat11
1 [0.10,0.2] [0.30,0.4] 1.0 0.0 0.0 1.0
2 [1.10,1.2] [1.30,1.4] 1.0 0.0 0.0 1.0

data_particles
loop_
_rlnMicrographName
_rlnOpticsGroup
_rlnImageName
a 1 1@s
b 1 1@t
c 2 1@u
"""
DOCUMENT = Document(role="relion_particles", path="p.star", content=TABLE)


def held(**changes):
    items = {name: dict(each.arrays) for name, each in item_terms(TABLE, path="p").items()}
    for name, arrays in changes.items():
        items[name] |= arrays
    return items


def patched(**changes):
    found = patch_optics(DOCUMENT, items=held(**changes))
    verdicts = {line.field: line.verdict for line in found.report if line.verdict != "kept"}
    return found.document.content, verdicts


def test_unchanged_terms_leave_every_byte():
    assert patched() == (TABLE, {})


def test_a_changed_term_is_written_in_the_sign_of_relion():
    content, verdicts = patched(c={"zernike_odd": np.array([-2.5, -1.2, *[0.0] * 10])})
    assert list(verdicts.values()) == ["patched"]
    found = item_terms(content, path="p")
    assert found["c"].arrays["zernike_odd"][:2].tolist() == [-2.5, -1.2]
    assert found["a"].arrays["zernike_odd"][0] == -0.1
    assert b"[0.10,0.2] [0.30,0.4]" in content


def test_the_piston_stays_and_lists_grow_where_they_must():
    even = np.arange(8.0)
    content, _ = patched(c={"zernike_even": even})
    found = item_terms(content, path="p")["c"]
    assert np.array_equal(found.arrays["zernike_even"], even)
    assert found.phase_shift_degree == item_terms(TABLE, path="p")["c"].phase_shift_degree


def test_a_magnification_is_written_number_by_number():
    magnification = np.array([[1.01, 0.0], [0.002, 1.0]])
    content, _ = patched(c={"magnification": magnification})
    found = item_terms(content, path="p")["c"]
    assert np.array_equal(found.arrays["magnification"], magnification)
    assert b"[1.10,1.2] [1.30,1.4]" in content


def test_a_change_that_one_of_two_series_of_a_group_has_is_told_as_lost():
    change = {"zernike_odd": np.ones(12)}
    content, verdicts = patched(a=change)
    assert content == TABLE
    assert set(verdicts.values()) == {"dropped"}
    content, verdicts = patched(a=change, b=change)
    assert set(verdicts.values()) == {"patched"}
    assert item_terms(content, path="p")["b"].arrays["zernike_odd"].tolist() == [1.0] * 12


def test_tables_without_groups_come_back_as_they_are():
    content = b"data_particles\nloop_\n_rlnMicrographName\n_rlnImageName\na 1@s\n"
    document = Document(role="relion_particles", path="p.star", content=content)
    assert patch_optics(document, items={"a": {}}).document.content == content
