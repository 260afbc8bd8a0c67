"""Paths as people write them, e.g. `species/ribosome`, and as the tree spells them.

The tree stores a name as a slug with eight hexadecimal digits (docs/format/v1.md, section 3);
nobody types those. A path that is spelt as in the tree is left as it is.
"""

from mgit.state.names import ITEMS, SOURCES, SPECIES, component, fan_out

__all__ = ["tree_path"]

HASH_SUFFIX = 9  # '-' and eight digits
_ROOMS = {"source": SOURCES, "sources": SOURCES, "species": SPECIES}


def tree_path(text: str) -> str:
    """The tree's spelling of a path.

    `species/NAME[/...]`, `sources/NAME[/...]`, `sources/NAME/items/ITEM[/...]`; anything else
    is returned without outer slashes.
    """
    parts = [part for part in text.strip("/").split("/") if part not in ("", ".")]
    if len(parts) < 2 or parts[0] not in _ROOMS:
        return "/".join(_ROOMS.get(part, part) for part in parts[:1]) + "".join(
            f"/{part}" for part in parts[1:]
        )
    room = _ROOMS[parts[0]]
    path = [room, _leaf(parts[1])]
    rest = parts[2:]
    if room == SOURCES and len(rest) >= 2 and rest[0] == ITEMS:
        spelt_out = len(rest) >= 3 and len(rest[1]) == 2 and fan_out(rest[2]) == rest[1]
        leaf = rest[2] if spelt_out else _leaf(rest[1])
        path += [ITEMS, fan_out(leaf), leaf]
        rest = rest[3:] if spelt_out else rest[2:]
    return "/".join(path + rest)


def _leaf(name: str) -> str:
    """The component of a name; a text that is a component already stays."""
    slug = name[:-HASH_SUFFIX]
    if slug and component(slug) == name:
        return name
    return component(name)
