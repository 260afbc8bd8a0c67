"""`mgit config`: read and set who the author of commits is."""

from mgit.cli.console import Console
from mgit.cli.context import setting, user_config_path
from mgit.cli.exit_codes import ExitCode
from mgit.cli.settings import KNOWN, check_name, local_path, read_settings, write_settings
from mgit.errors import NotFound, Refused

TYPE_CHECKING = False  # `typing` is not imported here: verbs share the start-up path.
if TYPE_CHECKING:
    import argparse

__all__ = ["DESCRIPTION", "HELP", "configure", "run"]

HELP = "read and set the name, address and signing key of the author"
DESCRIPTION = """Read and set who the author of commits is.

  mgit config                     list the settings that hold here
  mgit config NAME                print one
  mgit config NAME VALUE          set one for this repository
  mgit config --global NAME VALUE set one for every repository of this user
  mgit config --unset NAME        remove one

MGIT_AUTHOR_NAME, MGIT_AUTHOR_EMAIL and MGIT_AUTHOR_DATE ('<seconds> <+hhmm>') in the environment
go before any setting.

Settings: """ + "; ".join(f"{name}, {text}" for name, text in KNOWN.items())


def configure(parser: "argparse.ArgumentParser") -> None:
    """Add the options of this verb."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="for example user.name")
    parser.add_argument("value", nargs="?", metavar="VALUE", help="set it; without: print it")
    parser.add_argument(
        "--global",
        dest="for_user",
        action="store_true",
        help="the user's settings instead of this repository's",
    )
    parser.add_argument("--unset", action="store_true", help="remove the setting")
    parser.add_argument("--dry-run", action="store_true", help="say what would change")


def run(arguments: "argparse.Namespace", console: Console) -> int:
    """List, print, set or remove."""
    if arguments.name is None:
        return _list(arguments, console)
    check_name(arguments.name)
    if arguments.value is None and not arguments.unset:
        return _print(arguments, console)
    return _change(arguments, console)


def _repository(arguments: "argparse.Namespace", *, needed: bool) -> str | None:
    """The `.mgit` directory these settings belong to; None for the user's own."""
    from mgit.history.layout import find_repository

    if arguments.for_user:
        return None
    try:
        return find_repository(arguments.directory).control
    except NotFound as error:
        if not needed:
            return None
        raise NotFound(
            "no repository here to keep the setting",
            hint="use --global, or run the command inside a repository",
        ) from error


def _list(arguments: "argparse.Namespace", console: Console) -> int:
    place = _repository(arguments, needed=False)
    values = {name: value for name in KNOWN if (value := setting(name, place)) is not None}
    for name, value in values.items():
        console.out(f"{name} = {value}")
    console.json(values)
    return ExitCode.OK


def _print(arguments: "argparse.Namespace", console: Console) -> int:
    value = setting(arguments.name, _repository(arguments, needed=False))
    if value is None:
        raise NotFound(
            "the setting has no value here",
            name=arguments.name,
            hint=f"set it with 'mgit config {arguments.name} VALUE'",
        )
    console.out(value)
    console.json({arguments.name: value})
    return ExitCode.OK


def _change(arguments: "argparse.Namespace", console: Console) -> int:
    from mgit.store.files import Files

    place = _repository(arguments, needed=True)
    path = user_config_path() if place is None else local_path(place)
    settings = read_settings(path)
    if arguments.unset:
        if arguments.value is not None:
            raise Refused("--unset takes a name and no value", name=arguments.name)
        if settings.pop(arguments.name, None) is None:
            raise NotFound("the setting is not set there", name=arguments.name, path=path)
    else:
        settings[arguments.name] = arguments.value
    if not arguments.dry_run:
        write_settings(Files(), path, settings)
    console.json({"path": path, "settings": settings, "written": not arguments.dry_run})
    return ExitCode.OK
