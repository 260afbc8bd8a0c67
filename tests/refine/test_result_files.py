"""Results of items on disk."""

from dataclasses import asdict, fields, is_dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from mgit.errors import InvalidState
from mgit.refine.result_files import read_result, write_result
from tests.refine.results import held_out, poses, result

DOUBLES = arrays_of.arrays(np.float64, st.integers(0, 5), elements=st.floats())
NAMES = st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=3, unique=True)


def bits(value):
    """Everything in a result, arrays as dtype, shape and bytes."""
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    if is_dataclass(value):
        return {each.name: bits(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, dict):
        return {name: bits(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [bits(each) for each in value]
    return repr(value)


@given(species=NAMES, values=DOUBLES, scores=st.tuples(st.floats(), st.floats()), tilts=DOUBLES)
@settings(max_examples=30)
def test_a_result_comes_back_bit_for_bit(tmp_path_factory, species, values, scores, tilts):
    file = tmp_path_factory.mktemp("result") / "item.npz"
    held = [
        held_out(name, [0, 2], before=0.1 * number, after=0.3)
        for number, name in enumerate(species[1:])
    ]
    written = replace(
        result(species=tuple(species), arrays={"image_warp_x": values, "defocus": values}),
        score_before=scores[0],
        score_after=scores[1],
        tilt_correlations=tilts,
        held_out=tuple(held),
        poses={name: poses(3, seed=5, displaced=number == 1)
               for number, name in enumerate(species)},
    )  # fmt: skip
    write_result(file, written)
    assert bits(read_result(file)) == bits(written)


def test_reports_of_stages_come_back(tmp_path):
    written = result()
    write_result(tmp_path / "a.npz", written)
    (report,) = read_result(tmp_path / "a.npz").stages
    assert asdict(report) == asdict(written.stages[0])


def test_a_damaged_file_is_named(tmp_path):
    file = tmp_path / "a.npz"
    write_result(file, result())
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(InvalidState) as caught:
        read_result(file)
    assert caught.value.fields["file"] == str(file)
    assert "--resume" in caught.value.hint
