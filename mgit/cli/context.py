"""The one place that reads the environment: who runs mgit, when, where and on what terminal."""

import os
import sys
import time

from mgit.cli.settings import local_path, read_settings
from mgit.errors import InvalidInput

TYPE_CHECKING = False  # `typing` is not imported here: the module is on every verb's start-up path.
if TYPE_CHECKING:
    from typing import TextIO

    from mgit.history.commits import Signature

__all__ = [
    "clock",
    "colour_wanted",
    "core_count",
    "environment",
    "has_display",
    "setting",
    "signature",
    "terminal_width",
    "use_one_blas_thread",
    "user_config_path",
]


def signature(mgit_directory: str | None) -> "Signature":
    """The author of what this run commits, with the present time and zone.

    Name and address come from MGIT_AUTHOR_NAME and MGIT_AUTHOR_EMAIL, else the repository's
    settings, else the user's, else the operating system's user and host.
    """
    from mgit.history.commits import Signature

    time_s, zone_s = clock()
    name = setting("user.name", mgit_directory) or _system_user()
    email = setting("user.email", mgit_directory) or f"{_system_user()}@{os.uname().nodename}"
    return Signature(name=name, email=email, time_s=time_s, zone_s=zone_s)


def setting(name: str, mgit_directory: str | None) -> str | None:
    """A setting as it holds for this run: environment, then repository, then user."""
    variable = {"user.name": "MGIT_AUTHOR_NAME", "user.email": "MGIT_AUTHOR_EMAIL"}.get(name)
    if variable is not None and os.environ.get(variable):
        return os.environ[variable]
    if mgit_directory is not None:
        local = read_settings(local_path(mgit_directory)).get(name)
        if local:
            return local
    return read_settings(user_config_path()).get(name) or None


def user_config_path() -> str:
    """The user's settings file, below XDG_CONFIG_HOME or ~/.config."""
    base = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(base, "mgit", "config.json")


def clock() -> tuple[int, int]:
    """Seconds since 1970 and the offset of local time from UTC in seconds.

    MGIT_AUTHOR_DATE, '<seconds> <+hhmm>', replaces both, so that a history can be made twice.
    """
    fixed = os.environ.get("MGIT_AUTHOR_DATE")
    if fixed:
        return _parse_date(fixed)
    now = int(time.time())
    return now, time.localtime(now).tm_gmtoff


def use_one_blas_thread() -> None:
    """Keep numpy's import from starting a thread per core: the threads spin while it goes on.

    For verbs without linear algebra of any size, before they import numpy. A number that the user
    has set stands.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def environment() -> dict[str, str]:
    """The environment for a worker process: this one's, with one thread for linear algebra."""
    return {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def core_count() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def _parse_date(text: str) -> tuple[int, int]:
    try:
        seconds, zone = text.split()
        sign = {"+": 1, "-": -1}[zone[0]]
        return int(seconds), sign * (int(zone[1:3]) * 3600 + int(zone[3:5]) * 60)
    except (ValueError, KeyError, IndexError) as error:
        raise InvalidInput(
            "the date in the environment is not of the form '<seconds> <+hhmm>'",
            variable="MGIT_AUTHOR_DATE",
            value=text,
            hint="for example MGIT_AUTHOR_DATE='1750000000 +0200'",
        ) from error


def colour_wanted(stream: "TextIO") -> bool:
    """Whether text on `stream` may carry colours: a terminal, NO_COLOR unset, not a dumb one."""
    return (
        stream.isatty()
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM", "dumb") != "dumb"
    )


def terminal_width(stream: "TextIO") -> int | None:
    """Columns of the terminal behind `stream`, or None if it is not a terminal."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns) > 0:
        return int(columns)
    if not stream.isatty():
        return None
    return os.get_terminal_size(stream.fileno()).columns


def has_display() -> bool:
    """Whether windows can be opened: a desktop session, or a display that was forwarded."""
    if sys.platform == "darwin":
        return not os.environ.get("SSH_CONNECTION")
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _system_user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run as a user without an entry
        return f"user{os.getuid()}"
