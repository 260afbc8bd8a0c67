"""Settings are small JSON files of known names."""

import pytest

from mgit.cli.settings import KNOWN, check_name, local_path, read_settings, write_settings
from mgit.errors import InvalidInput, NotFound
from mgit.store.files import Files


def test_what_is_written_is_read_back(tmp_path):
    path = local_path(str(tmp_path / ".mgit"))
    write_settings(Files(), path, {"user.name": "Åda Ö"})
    write_settings(Files(), path, {"user.name": "Åda Ö", "user.email": "a@b"})
    assert read_settings(path) == {"user.name": "Åda Ö", "user.email": "a@b"}


def test_a_missing_file_has_no_settings(tmp_path):
    assert read_settings(str(tmp_path / "none" / "config.json")) == {}


@pytest.mark.parametrize("text", ["{", "[1]", '{"user.name": 3}', '"user.name"'])
def test_a_damaged_file_is_named(tmp_path, text):
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(InvalidInput) as caught:
        read_settings(str(path))
    assert caught.value.fields["path"] == str(path)
    assert caught.value.hint


def test_only_known_settings_exist():
    for name in KNOWN:
        check_name(name)
    with pytest.raises(NotFound, match="no such setting"):
        check_name("user.nmae")
