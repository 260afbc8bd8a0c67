"""Small made-up projects of RELION and Warp in a tree, for tests of exports."""

import numpy as np

from mgit.curate.sources import add_source
from mgit.exchange.records import SourceRecord
from mgit.exchange.relion_tomograms import read_tomograms
from mgit.exchange.star import parse_star
from mgit.exchange.warp_tilt_series import read_tilt_series
from mgit.state.population import Population
from mgit.state.series import update_item_arrays
from tests.exchange.warp_documents import tilt_series

TOMOGRAMS = """# kept comment
data_global

loop_
_rlnTomoName #1
_rlnVoltage #2
_rlnSphericalAberration #3
_rlnAmplitudeContrast #4
_rlnTomoHand #5
_rlnOpticsGroupName #6
_rlnTomoTiltSeriesPixelSize #7
_rlnTomoTiltSeriesStarFile #8
_rlnTomoSizeX #9
_rlnTomoSizeY #10
_rlnTomoSizeZ #11
_rlnSomethingElse #12
TS_01 300.0 2.7 0.1 -1 optics1 2.0 Job/job001/tilt_series/TS_01.star 1000 800 300 x
TS_02 300.0 2.7 0.1 -1 optics1 2.0 Job/job001/tilt_series/TS_02.star 1000 800 300 y
"""
COLUMNS = (
    *("rlnMicrographName", "rlnMicrographPreExposure", "rlnTomoXTilt", "rlnTomoYTilt"),
    *("rlnTomoZRot", "rlnTomoXShiftAngst", "rlnTomoYShiftAngst"),
    *("rlnDefocusU", "rlnDefocusV", "rlnDefocusAngle"),
)
TILTS = 3


def tilt_table(name):
    """A table of three tilts."""
    lines = [f"data_{name}", "", "loop_"]
    lines += [f"_{column} #{at}" for at, column in enumerate(COLUMNS, 1)]
    lines += [
        f"{tilt + 1:06d}@{name}.mrcs {3.0 * tilt:.2f} 0.00 {20.0 * tilt - 20:.2f} 85.00 "
        f"{1.5 * tilt:.3f} -2.000 {21000 + 100 * tilt:.3f} {20000 + 100 * tilt:.3f} 30.000"
        for tilt in range(TILTS)
    ]
    return ("\n".join(lines) + "\n").encode()


def relion_files():
    """Contents by path."""
    files = {f"Job/job001/tilt_series/TS_0{at}.star": tilt_table(f"TS_0{at}") for at in (1, 2)}
    return {"Job/job001/tomograms.star": TOMOGRAMS.encode(), **files}


def add_relion(tree, name="grid"):
    """A source of two tilt series of RELION 5."""
    files = relion_files()
    path = "Job/job001/tomograms.star"
    record = read_tomograms(files[path], path=path, load=files.__getitem__)
    add_source(tree, name, record, digest_of=lambda raw: None)
    return files


def add_warp(tree, name="warp"):
    """A source of one tilt series of Warp; returns its XML."""
    content = tilt_series()
    record = read_tilt_series(content, "tiltseries/TS_1.xml")
    source = SourceRecord(kind="tilt_series", attributes={"format": "warp"}, series=(record,))
    add_source(tree, name, source, digest_of=lambda raw: None)
    return content


def set_array(tree, source, item, array, values):
    """Replace one array of an item."""
    path = Population(tree).item(source, item).path
    update_item_arrays(tree, path, {array: (np.asarray(values, dtype=np.float64), {})})


def cells(content, block, column):
    """Texts of a column of a STAR file."""
    return parse_star(content, name="t.star").table(block).strings(column)
