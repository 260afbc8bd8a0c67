"""Who, when and on what terminal: environment, then repository, then user, then system."""

import io
import os

import pytest

from mgit.cli import context
from mgit.cli.settings import local_path, write_settings
from mgit.errors import InvalidInput
from mgit.store.files import Files


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith(("MGIT_", "XDG_")) or name in {"NO_COLOR", "COLUMNS", "TERM"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_the_nearest_identity_wins(monkeypatch, tmp_path):
    control = str(tmp_path / ".mgit")
    system = context.signature(control)
    assert system.name
    assert system.email.startswith(system.name + "@")
    write_settings(Files(), context.user_config_path(), {"user.name": "User"})
    assert context.signature(control).name == "User"
    write_settings(Files(), local_path(control), {"user.name": "Local", "user.email": "l@x"})
    assert context.signature(control).person == "Local <l@x>"
    assert context.signature(None).name == "User"
    monkeypatch.setenv("MGIT_AUTHOR_NAME", "Environment")
    assert context.signature(control).person == "Environment <l@x>"


def test_the_user_file_lies_where_the_desktop_says(monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", "/elsewhere")
    assert context.user_config_path() == "/elsewhere/mgit/config.json"


def test_a_date_in_the_environment_replaces_the_clock(monkeypatch):
    assert context.clock()[0] > 1_700_000_000
    monkeypatch.setenv("MGIT_AUTHOR_DATE", "1750000000 -0330")
    assert context.clock() == (1_750_000_000, -(3 * 3600 + 30 * 60))


@pytest.mark.parametrize("text", ["yesterday", "1750000000", "1750000000 0200", "x +0200"])
def test_a_wrong_date_is_refused(monkeypatch, text):
    monkeypatch.setenv("MGIT_AUTHOR_DATE", text)
    with pytest.raises(InvalidInput, match="date"):
        context.clock()


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "variables", "wanted"),
    [
        (io.StringIO(), {"TERM": "xterm"}, False),
        (Terminal(), {"TERM": "xterm"}, True),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {}, False),
    ],
)
def test_colour_needs_a_terminal_and_consent(monkeypatch, stream, variables, wanted):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert context.colour_wanted(stream) is wanted


def test_the_width_is_what_columns_says_or_unknown(monkeypatch):
    assert context.terminal_width(io.StringIO()) is None
    monkeypatch.setenv("COLUMNS", "72")
    assert context.terminal_width(io.StringIO()) == 72


def test_one_blas_thread_is_a_default_that_the_user_overrules(monkeypatch):
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    context.use_one_blas_thread()
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "8")
    context.use_one_blas_thread()
    assert os.environ["OPENBLAS_NUM_THREADS"] == "8"
