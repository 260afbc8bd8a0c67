"""Paths as people write them, e.g. `species/ribosome`, and as the tree spells them.

The tree stores a name as a slug with eight hexadecimal digits (docs/format/v1.md, section 3).
Nobody types those, but a program that listed them may hand them back, so both are understood.
"""

import re
from itertools import product

from mgit.errors import NotFound
from mgit.state.names import ITEMS, SOURCES, SPECIES, component, fan_out, item_paths
from mgit.state.protocol import Reader

__all__ = ["find_path", "spellings"]

_ROOMS = {"source": SOURCES, "sources": SOURCES, "species": SPECIES}
_NAMES_SHOWN = 20
_COMPONENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,54}-[0-9a-f]{8}", re.ASCII)


def spellings(text: str) -> tuple[str, ...]:
    """Every tree path that `text` may mean, the most likely first; at most four.

    `species/NAME[/...]`, `sources/NAME[/...]`, `sources/NAME/items/ITEM[/...]` with names or with
    the tree's own components; anything else is returned without outer slashes.
    """
    parts = [part for part in text.strip("/").split("/") if part not in ("", ".")]
    if parts:
        parts[0] = _ROOMS.get(parts[0], parts[0])
    if len(parts) < 2 or parts[0] not in (SOURCES, SPECIES):
        return ("/".join(parts),)
    choices: list[tuple[tuple[str, ...], ...]] = [((parts[0],),)]
    choices.append(tuple((leaf,) for leaf in _leaves(parts[1])))
    rest = parts[2:]
    if parts[0] == SOURCES and len(rest) >= 2 and rest[0] == ITEMS:
        if len(rest) >= 3 and _COMPONENT.fullmatch(rest[2]) and fan_out(rest[2]) == rest[1]:
            del rest[1]
        choices.append(tuple((ITEMS, fan_out(leaf), leaf) for leaf in _leaves(rest[1])))
        rest = rest[2:]
    choices.append((tuple(rest),))
    return tuple("/".join(part for group in each for part in group) for each in product(*choices))


def find_path(reader: Reader, text: str) -> str:
    """The path in this tree that `text` means. Raises NotFound."""
    for path in spellings(text):
        if path == "" or reader.exists(path):
            return path
    raise NotFound("no such path in this revision", path=text, hint=_advice(reader, text))


def _leaves(name: str) -> tuple[str, ...]:
    """The component of a name, and the text itself where it has the form of a component."""
    if _COMPONENT.fullmatch(name):
        return (name, component(name))
    return (component(name),)


def _advice(reader: Reader, text: str) -> str:
    """What there is where the path leaves the tree, by the names that people gave."""
    parts = [part for part in text.strip("/").split("/") if part]
    room = _ROOMS.get(parts[0]) if parts else None
    if room is None or not reader.exists(room):
        return "paths begin with 'species/NAME' or 'sources/NAME'"
    for length in range(len(parts) - 1, 0, -1):
        for path in spellings("/".join(parts[:length])):
            if reader.exists(path) and not reader.is_array(path):
                return _listing(reader, path)
    return _listing(reader, room)


def _listing(reader: Reader, path: str) -> str:
    if path.endswith(f"/{ITEMS}"):
        nodes = list(item_paths(reader, path.removesuffix(f"/{ITEMS}")))
    else:
        nodes = [f"{path}/{child}" for child in reader.children(path)]
    names = sorted(
        str(reader.attributes(node).get("name") or node.rpartition("/")[2]) for node in nodes
    )
    title = "there is" if "/" in path else path
    title = "series" if path.endswith(f"/{ITEMS}") else title
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return f"{title}: " + (", ".join(names[:_NAMES_SHOWN]) + more if names else "none yet")
