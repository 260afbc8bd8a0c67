"""Settings of a user and of one repository: small JSON files of dotted names, never versioned."""

import json
import os

from mgit.errors import InvalidInput, NotFound

TYPE_CHECKING = False  # `typing` is not imported here: the module is on every verb's start-up path.
if TYPE_CHECKING:
    from mgit.store.files import Files

__all__ = ["KNOWN", "check_name", "local_path", "read_settings", "write_settings"]

KNOWN = {
    "user.name": "name of the author in every commit",
    "user.email": "address of the author in every commit",
    "user.signingkey": "path of the SSH key that signs commits and tags",
}


def local_path(mgit_directory: str) -> str:
    """The settings file of one repository; `mgit_directory` is its `.mgit`."""
    return os.path.join(mgit_directory, "local", "config.json")


def check_name(name: str) -> None:
    """Raise NotFound, with the names that exist, unless `name` is a setting."""
    if name not in KNOWN:
        raise NotFound("no such setting", name=name, hint="known settings: " + ", ".join(KNOWN))


def read_settings(path: str) -> dict[str, str]:
    """The settings in a file; none if it does not exist. Raises InvalidInput for anything else."""
    try:
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except ValueError as error:
        raise InvalidInput(
            "the settings file is not JSON", path=path, hint=f"correct or remove it: {error}"
        ) from error
    if not isinstance(record, dict) or not all(isinstance(text, str) for text in record.values()):
        raise InvalidInput(
            "the settings file is not one mapping of names to strings",
            path=path,
            hint="correct or remove it, then use 'mgit config NAME VALUE'",
        )
    return record


def write_settings(files: "Files", path: str, settings: dict[str, str]) -> None:
    """Replace the settings file atomically; its directory is created if absent."""
    directory = os.path.dirname(path)
    missing = []
    while not files.exists(directory):
        missing.append(directory)
        directory = os.path.dirname(directory)
    for absent in reversed(missing):
        files.make_directory(absent)
    text = json.dumps(settings, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    files.replace(path, text.encode("utf-8"))
