import numpy as np
import pytest

from mgit.exchange.star import parse_star
from mgit.exchange.tomostar import read_tomostar
from mgit.exchange.warp_settings import read_settings
from mgit.exchange.warp_tilt_series import read_tilt_series
from mgit.simulate.documents import (
    COMMENT,
    image_name,
    particle_table,
    relion_documents,
    warp_documents,
)


def test_every_parameter_of_the_truth_survives_in_warps_form(simulated):
    truth = simulated.truth
    (series,) = truth.series
    files = warp_documents(truth.series, truth.settings)
    path = "warp_tiltseries/TS_01.xml"
    record = read_tilt_series(files[path], path)
    moved = {name for name, values in series.arrays.items() if values.any()}
    assert {"image_warp_x", "stage_angle_z", "level_angle_x"} <= moved
    for name in moved:
        assert record.arrays[name].values == pytest.approx(series.arrays[name], abs=1e-9)
    assert record.attributes["hand"] == series.hand
    assert record.attributes["volume_dimensions_angstrom"] == ["640.0", "640.0", "300.0"]


def test_settings_and_tomostar_agree_with_the_series(simulated):
    truth = simulated.truth
    files = warp_documents(truth.series, truth.settings)
    settings = read_settings(files["warp_tiltseries.settings"], "s")
    assert settings.pixel_size_angstrom == truth.settings.pixel_size_angstrom
    assert settings.dimensions_px == truth.settings.volume_px
    tomostar = read_tomostar(files["tomostar/TS_01.tomostar"], "t")
    assert tomostar.movies[1] == "../images/TS_01_002.mrc"
    assert (tomostar.exposure == truth.series[0].arrays["exposure"]).all()
    assert (tomostar.tilt_angle == truth.series[0].arrays["tilt_angle"]).all()


def test_the_particle_table_gives_back_positions_and_angles(simulated):
    truth = simulated.truth
    content = particle_table(truth.series, truth.particles, truth.settings)
    pixel, sizes = truth.settings.pixel_size_angstrom, truth.settings.volume_px
    volume = np.array(sizes) * pixel
    text = content.decode()
    assert COMMENT in text
    table = parse_star(content, name="p.star").table("particles")
    centred = np.stack([table.floats(f"rlnCenteredCoordinate{a}Angst") for a in "XYZ"], axis=1)
    assert centred + volume / 2 == pytest.approx(truth.particles.positions, abs=1e-9)
    angles = np.stack([table.floats(f"rlnAngle{a}") for a in ("Rot", "Tilt", "Psi")], axis=1)
    assert (angles == truth.particles.angles).all()
    assert table.strings("rlnTomoParticleName")[0] == "TS_01/1"


def test_relions_files_name_each_other_below_the_directory(simulated):
    truth = simulated.truth
    files = relion_documents(truth.series, truth.particles, truth.settings)
    assert sorted(files) == [
        "optimisation_set.star",
        "particles.star",
        "tilt_series/TS_01.star",
        "tomograms.star",
    ]
    assert b" tilt_series/TS_01.star" in files["tomograms.star"]
    assert f"images/{image_name('TS_01', 0)}".encode() in files["tilt_series/TS_01.star"]
    assert all((simulated.directory / name).is_file() for name in files)
