import json

import numpy as np
import pytest

from mgit.errors import InvalidInput, NotFound
from mgit.simulate.truth import read_truth


def test_what_is_read_is_what_was_written(simulated):
    read = read_truth(simulated.directory / "truth.json")
    truth = simulated.truth
    assert read.settings == truth.settings
    assert read.signal_scale == truth.signal_scale
    assert read.to_json() == truth.to_json()
    ours, theirs = read.views(), truth.views()
    assert (ours.xy == theirs.xy).all()
    assert (ours.rotation == theirs.rotation).all()
    assert (read.density() == truth.density()).all()


def test_projected_positions_and_defocus_stand_in_the_document(simulated):
    record = json.loads((simulated.directory / "truth.json").read_bytes())
    seen = simulated.truth.views()
    (views,) = record["views"]
    place = np.array(views["xy_angstrom"])
    assert place.shape == (5, 8, 2)
    for tilt in range(5):
        for at, row in enumerate(views["rows"]):
            chosen = (seen.tilt == tilt) & (seen.row == row)
            assert seen.xy[chosen][0] == pytest.approx(place[tilt, at], abs=1e-6)
            found = views["defocus_angstrom"][tilt][at]
            assert seen.defocus[chosen][0] == pytest.approx(found, abs=1e-6)


def test_a_missing_truth_is_named(tmp_path):
    with pytest.raises(NotFound):
        read_truth(tmp_path / "truth.json")


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'{"format": "something"}', b'{"format":"mgit simulation truth 1"}'],
)
def test_another_document_is_refused(tmp_path, content):
    file = tmp_path / "other.json"
    file.write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        read_truth(file)
    assert caught.value.fields["file"] == file
