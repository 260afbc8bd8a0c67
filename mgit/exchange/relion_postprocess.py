"""What RELION's postprocessing says of two half-maps: FSC curves and the final resolution.

Signature for callers:

    read_postprocess(content, *, path) -> PostprocessCurves

The curves stand in `data_fsc`, one row per shell of the maps' Fourier transform. RELION spells the
resolution of shell 0 as 999 A; its frequency is 0.
"""

from dataclasses import dataclass

import numpy as np

from mgit.errors import InvalidInput
from mgit.exchange.star import StarDocument, parse_star

__all__ = ["PostprocessCurves", "read_postprocess"]

FREQUENCY = "rlnResolution"
CORRECTED = "rlnFourierShellCorrelationCorrected"
OTHER_CURVES = {
    "unmasked": "rlnFourierShellCorrelationUnmaskedMaps",
    "masked": "rlnFourierShellCorrelationMaskedMaps",
    "phase_randomised": "rlnCorrectedFourierShellCorrelationPhaseRandomizedMaskedMaps",
}
HINT = "give the postprocess.star of a RELION PostProcess job"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PostprocessCurves:
    """Curves over `(k,)` shells, float64; a curve that the file lacks is None.

    frequency: 1/angstrom, ascending from 0. corrected: the FSC inside the mask, corrected for the
    mask's own correlation by phase randomisation (Chen et al., Ultramicroscopy 135, 2013).
    """

    resolution_angstrom: float
    frequency: np.ndarray
    corrected: np.ndarray
    unmasked: np.ndarray | None = None
    masked: np.ndarray | None = None
    phase_randomised: np.ndarray | None = None

    def metrics(self) -> dict[str, np.ndarray]:
        """The curves by the names of a species' metrics: 'fsc' is the corrected one."""
        named = {
            "fsc": self.corrected,
            "fsc_frequency": self.frequency,
            "fsc_unmasked": self.unmasked,
            "fsc_masked": self.masked,
            "fsc_phase_randomised": self.phase_randomised,
        }
        return {name: values for name, values in named.items() if values is not None}


def read_postprocess(content: bytes, *, path: str) -> PostprocessCurves:
    """Read the `postprocess.star` of RELION 3 to 5.

    Raises InvalidInput, naming file and column, when the curves or the final resolution are
    missing, not finite, or the frequencies do not ascend.
    """
    document = parse_star(content, name=path)
    if "fsc" not in document:
        raise InvalidInput("the file has no FSC curve", hint=HINT, file=path, block="data_fsc")
    table = document.table("fsc")
    frequency = table.finite(FREQUENCY, hint=HINT).copy()
    if "rlnSpectralIndex" in table:
        frequency[table.integers("rlnSpectralIndex") == 0] = 0.0
    if not (np.diff(frequency) > 0).all():
        raise InvalidInput(
            "the frequencies do not ascend", hint=HINT, file=path, block="fsc", column=FREQUENCY
        )
    return PostprocessCurves(
        resolution_angstrom=_resolution(document, path),
        frequency=frequency,
        corrected=table.finite(CORRECTED, hint=HINT),
        **{
            name: table.finite(column, hint=HINT)
            for name, column in OTHER_CURVES.items()
            if column in table
        },
    )


def _resolution(document: StarDocument, path: str) -> float:
    for table in document.tables_with("rlnFinalResolution"):
        value = table.number("rlnFinalResolution", 0)
        if not (np.isfinite(value) and value > 0):
            raise table.invalid(
                "the final resolution is not a positive number",
                column="rlnFinalResolution",
                row=0,
                hint=HINT,
            )
        return value
    raise InvalidInput(
        "the file states no final resolution", hint=HINT, file=path, column="rlnFinalResolution"
    )
