"""Postprocessing results are read with their curves, frequencies and final resolution."""

import numpy as np
import pytest

from mgit.errors import InvalidInput
from mgit.exchange.relion_postprocess import read_postprocess

GENERAL = b"data_general\n\n_rlnFinalResolution 4.25\n\n"
FSC = (
    b"data_fsc\n\nloop_\n_rlnSpectralIndex\n_rlnResolution\n"
    b"_rlnFourierShellCorrelationCorrected\n_rlnFourierShellCorrelationMaskedMaps\n"
    b"0 0.001001 1.0 1.0\n1 0.01 0.9 0.95\n2 0.02 0.1 0.2\n"
)


def test_curves_are_read_and_the_first_shell_stands_at_zero():
    curves = read_postprocess(GENERAL + FSC, path="pp.star")
    assert curves.resolution_angstrom == 4.25
    assert curves.frequency.tolist() == [0.0, 0.01, 0.02]
    assert curves.corrected.tolist() == [1.0, 0.9, 0.1]
    assert curves.masked.tolist() == [1.0, 0.95, 0.2]
    assert curves.unmasked is None
    assert set(curves.metrics()) == {"fsc", "fsc_frequency", "fsc_masked"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (GENERAL, "no FSC curve"),
        (FSC, "no final resolution"),
        (GENERAL + FSC.replace(b"0.02 0.1", b"0.005 0.1"), "do not ascend"),
        (GENERAL + FSC.replace(b"0.9 0.95", b"nan 0.95"), "not finite"),
        (GENERAL.replace(b"4.25", b"-1") + FSC, "not a positive number"),
    ],
)
def test_a_file_that_does_not_hold_curves_is_refused(content, words):
    with pytest.raises(InvalidInput, match=words) as caught:
        read_postprocess(content, path="pp.star")
    assert caught.value.fields["file"] == "pp.star"
    assert caught.value.hint


@pytest.mark.parametrize(
    ("job", "resolution"), [("job022", None), ("job026", None), ("job033", 3.650704)]
)
def test_the_curves_of_a_real_project_fall_below_the_criterion_at_the_stated_resolution(
    shared_data, job, resolution
):
    file = shared_data / "relion5_hiv_project/PostProcess" / job / "postprocess.star"
    curves = read_postprocess(file.read_bytes(), path=file.name)
    if resolution is not None:
        assert curves.resolution_angstrom == resolution
    assert curves.frequency[0] == 0
    assert len(curves.metrics()) == 5
    # The stated resolution is that of the last shell before the corrected curve falls below 0.143.
    at = int(np.argmin(np.abs(curves.frequency - 1 / curves.resolution_angstrom)))
    assert curves.corrected[at] >= 0.143
    assert at + 1 == len(curves.corrected) or curves.corrected[at + 1] < 0.143
