"""Reads and checks a repository of format version 1 without mgit, from docs/format alone.

    python read_v1_independently.py DIRECTORY [REF]

It needs Python, a BLAKE3 binding (blake3), a zstd binding (zstandard), and NumPy to present arrays.
Every commit that a ref reaches is read: each Git object is compared with its SHA-1, each stored
chunk with its stored digest and its id, each array with its content digest, each item, species and
population with its state digest, each commit with its root digest. The first mismatch raises
Damaged. Sections named in comments are those of the pages.
"""

import hashlib
import itertools
import json
import os
import re
import struct
import sys
import zlib

import numpy as np
import zstandard
from blake3 import blake3


class Damaged(Exception):
    """Bytes contradict their name, their digest or the format."""


class Unsupported(Exception):
    """A later program may read this."""


def require(condition, message):
    if not condition:
        raise Damaged(message)


def content_of(path):
    with open(path, "rb") as stream:
        return stream.read()


# --- canonical bytes and digests (v1.md, section 2) ----------------------------------------------


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(context, *parts):
    return "b3:" + blake3(b"".join(parts), derive_key_context=context).hexdigest()


def plain(content):
    return "b3:" + blake3(content).hexdigest()


def parse_canonical(raw):
    value = json.loads(raw)
    require(canonical(value) == raw, "a JSON file is not canonical")
    return value


# --- names and identities (v1.md, sections 3, 5 and 7) -------------------------------------------


def component(name):
    """Where something of this name stands in its directory."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip(".-")
    if re.match(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])\.", slug, re.ASCII | re.IGNORECASE):
        slug = "_" + slug
    return f"{slug[:55] or '_'}-{blake3(name.encode()).hexdigest()[:8]}"


def item_id(name, document):
    """Id that an item gets at its first import, 32 hexadecimal digits."""
    parts = [blake3(document).digest(), name.encode()]
    joined = b"".join(struct.pack("<Q", len(part)) + part for part in parts)
    return blake3(joined, derive_key_context="mgit item v1").hexdigest()[:32]


def particle_ids(table, count):
    """Ids of the first rows of an imported table, given its file's bytes."""
    output = blake3(blake3(table).digest(), derive_key_context="mgit particle v1")
    whole = output.digest(16 * count)
    return [whole[16 * row : 16 * row + 16] for row in range(count)]


def quick_digest(content):
    """Quick digest of a raw file's bytes."""
    block, size = 1 << 20, len(content)
    if size <= 66 * block:
        return plain(content)
    last = size - block
    starts = [0, *(i * last // 65 for i in range(1, 65)), last]
    samples = (content[start : start + block] for start in starts)
    return digest("mgit quick v1", struct.pack("<Q", size), *samples)


# --- Git objects (graph.md, section 2; Git's own pack-format documentation) ----------------------

# Names of trees (graph.md, section 3): neither special to Git nor devices somewhere.
NAME = re.compile(
    r"(?!(\.|\.\.|\.git|\.gitmodules|\.gitattributes|\.gitignore|\.mailmap)$)"
    r"(?!(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$))[a-z0-9._-]{1,64}",
    re.ASCII | re.IGNORECASE,
)
KINDS = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}


class Git:
    """Objects and refs of a bare repository."""

    def __init__(self, directory):
        self.directory = directory
        self.offsets = {}
        self.packs = {}
        folder = os.path.join(directory, "objects", "pack")
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            if name.endswith(".idx"):
                self._add_pack(os.path.join(folder, name[:-4]))

    def _add_pack(self, path):
        index = content_of(path + ".idx")
        self.packs[path] = content_of(path + ".pack")
        require(index[:8] == b"\xfftOc\0\0\0\2", "a pack index is not of version 2")
        (count,) = struct.unpack_from(">I", index, 8 + 255 * 4)
        names, offsets = 8 + 1024, 8 + 1024 + 24 * count  # 20-byte names, then 4-byte CRCs
        for number in range(count):
            (offset,) = struct.unpack_from(">I", index, offsets + 4 * number)
            if offset >> 31:
                place = offsets + 4 * count + 8 * (offset & 0x7FFFFFFF)
                (offset,) = struct.unpack_from(">Q", index, place)
            name = index[names + 20 * number : names + 20 * number + 20].hex()
            self.offsets[name] = (path, offset)

    def read(self, name):
        """Kind and content of an object, compared with its SHA-1."""
        loose = os.path.join(self.directory, "objects", name[:2], name[2:])
        if os.path.exists(loose):
            head, _, content = zlib.decompress(content_of(loose)).partition(b"\0")
            kind = head.split(b" ")[0].decode()
        else:
            require(name in self.offsets, f"object {name} is missing")
            kind, content = self._packed(*self.offsets[name])
        whole = b"%s %d\0" % (kind.encode(), len(content)) + content
        require(hashlib.sha1(whole).hexdigest() == name, f"object {name} has another SHA-1")
        return kind, content

    def _packed(self, path, offset):
        pack, start = self.packs[path], offset
        byte = pack[offset]
        code, offset = byte >> 4 & 7, offset + 1
        while byte & 0x80:
            byte, offset = pack[offset], offset + 1
        if code in KINDS:
            return KINDS[code], zlib.decompress(pack[offset:])
        if code == 7:  # delta against an object by name
            kind, base = self.read(pack[offset : offset + 20].hex())
            return kind, apply_delta(base, zlib.decompress(pack[offset + 20 :]))
        byte = pack[offset]  # code 6: delta against an earlier object of this pack
        back, offset = byte & 0x7F, offset + 1
        while byte & 0x80:
            byte, offset = pack[offset], offset + 1
            back = (back + 1 << 7) | (byte & 0x7F)
        kind, base = self._packed(path, start - back)
        return kind, apply_delta(base, zlib.decompress(pack[offset:]))

    def refs(self):
        """Name -> object id, files before packed-refs (history.md, section 2)."""
        found = {}
        packed = os.path.join(self.directory, "packed-refs")
        text = content_of(packed).decode() if os.path.exists(packed) else ""
        for line in text.splitlines():
            if line[:1] not in "#^":
                found[line[41:]] = line[:40]
        for folder, _, names in os.walk(os.path.join(self.directory, "refs")):
            for name in names:
                full = os.path.relpath(os.path.join(folder, name), self.directory)
                if not name.endswith(".lock") and not name.startswith(".tmp-"):
                    found[full] = content_of(os.path.join(folder, name)).decode().strip()
        return found

    def commit_of(self, name):
        """The commit that an object leads to: itself, or what an annotated tag names."""
        kind, content = self.read(name)
        return name if kind == "commit" else self.commit_of(content[7:47].decode())

    def commit(self, name):
        """Tree, parents and trailers of a commit (graph.md, section 5)."""
        kind, content = self.read(name)
        require(kind == "commit", f"{name} is no commit")
        head, _, body = content.decode().partition("\n\n")
        lines = head.split("\n")
        tree = next(line[5:] for line in lines if line.startswith("tree "))
        parents = [line[7:] for line in lines if line.startswith("parent ")]
        last = body.strip("\n").rpartition("\n\n")[2].split("\n")
        return tree, parents, dict(line.split(": ", 1) for line in last if ": " in line)

    def tree(self, name):
        """Name -> (whether it is a directory, object id)."""
        kind, content = self.read(name)
        require(kind == "tree", f"{name} is no tree")
        entries = {}
        while content:
            mode, _, rest = content.partition(b" ")
            require(mode in (b"40000", b"100644"), f"a tree holds an entry of mode {mode!r}")
            text, _, rest = rest.partition(b"\0")
            require(NAME.fullmatch(text.decode()), f"a tree holds the name {text!r}")
            entries[text.decode()] = (mode == b"40000", rest[:20].hex())
            content = rest[20:]
        folded = {name.lower() for name in entries}
        require(len(folded) == len(entries), "two names of a tree differ in case only")
        return entries


def apply_delta(base, delta):
    def size(place):
        value, shift = 0, 0
        while True:
            byte = delta[place]
            value |= (byte & 0x7F) << shift
            shift, place = shift + 7, place + 1
            if not byte & 0x80:
                return value, place

    _, place = size(0)
    wanted, place = size(place)
    out = bytearray()
    while place < len(delta):
        code = delta[place]
        place += 1
        if not code & 0x80:  # insert the next `code` bytes
            out += delta[place : place + code]
            place += code
            continue
        numbers = [0] * 7  # four bytes of offset, three of length, absent ones are zero
        for bit in range(7):
            if code >> bit & 1:
                numbers[bit], place = delta[place], place + 1
        start = int.from_bytes(bytes(numbers[:4]), "little")
        out += base[start : start + (int.from_bytes(bytes(numbers[4:]), "little") or 0x10000)]
    require(len(out) == wanted, "a delta makes an object of another size")
    return bytes(out)


# --- chunks (segments.md, sections 2 and 4) ------------------------------------------------------


class Chunks:
    """Every chunk of every segment, found by the footers; index files are not needed."""

    def __init__(self, store):
        self.places = {}
        folder = os.path.join(store, "segments")
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            if re.fullmatch(r"[0-9a-f]{64}\.seg", name):
                self._add_segment(os.path.join(folder, name), name[:-4])

    def _add_segment(self, path, name):
        data = content_of(path)
        length, end = struct.unpack("<Q8s", data[-16:])
        require(data[:8] == b"MGITSEG1" and end == b"MGITEND1", f"segment {name} is cut short")
        footer = data[-16 - length : -16]
        require(digest("mgit segment v1", footer) == "b3:" + name, f"segment {name}: its footer")
        magic, count = struct.unpack_from("<4sI", footer)
        require(magic == b"MGFT" and length == 8 + 84 * count, f"segment {name}: its footer")
        for number in range(count):
            record = struct.unpack_from("<32sQBBHII32s", footer, 8 + 84 * number)
            chunk, offset, form, item_size, reserved, raw, stored, stored_digest = record
            header = struct.pack("<4s32sBBHII", b"MGCK", chunk, form, item_size, 0, raw, stored)
            require(reserved == 0 and data[offset : offset + 48] == header, f"{name}: a header")
            content = data[offset + 48 : offset + 48 + stored]
            self.places["b3:" + chunk.hex()] = (content, stored_digest, form, item_size, raw)

    def get(self, chunk):
        """Logical bytes of a chunk; its stored digest is checked before decoding, its id after."""
        require(chunk in self.places, f"chunk {chunk} is missing")
        content, stored_digest, form, item_size, raw = self.places[chunk]
        require(blake3(content).digest() == stored_digest, f"chunk {chunk}: stored bytes differ")
        if form not in (0, 1):
            raise Unsupported(f"chunk {chunk} has the form {form}")
        if form == 1:
            require(zstandard.frame_content_size(content) == raw, f"chunk {chunk}: its length")
            shuffled = zstandard.ZstdDecompressor().decompress(content, allow_extra_data=False)
            k = raw // item_size
            head, tail = shuffled[: k * item_size], shuffled[k * item_size :]
            content = bytearray(k * item_size)
            for j in range(item_size):
                content[j::item_size] = head[j * k : (j + 1) * k]
            content = bytes(content) + tail
        require(digest("mgit chunk v1", content) == chunk, f"chunk {chunk}: decoded bytes differ")
        return content


# --- trees and arrays (graph.md, section 4; segments.md, section 5) ------------------------------

TYPES = {
    "bool": "|b1", "int8": "|i1", "uint8": "|u1", "int16": "<i2", "uint16": "<u2",
    "int32": "<i4", "uint32": "<u4", "int64": "<i8", "uint64": "<u8",
    "float16": "<f2", "float32": "<f4", "float64": "<f8", "complex64": "<c8",
}  # fmt: skip


class Node:
    """A group (with `children`) or an array (with `values`) of a tree."""

    def __init__(self, attributes):
        self.attributes = attributes
        self.children = {}
        self.files = {}
        self.values = None

    @property
    def content(self):
        return self.attributes["content"]

    def arrays(self):
        return {name: each for name, each in self.children.items() if each.values is not None}

    def below(self, *names):
        """The node at a path, or an empty group."""
        node = self
        for name in names:
            node = node.children.get(name, Node({}))
        return node


def read_node(git, chunks, tree, memory):
    """The node in a tree object and its directory digest; equal trees are read once."""
    if tree in memory:
        return memory[tree]
    files, directories, lines = {}, {}, []
    for name, (is_directory, identity) in sorted(git.tree(tree).items()):
        if is_directory:
            directories[name] = read_node(git, chunks, identity, memory)
            lines.append([name, "tree", directories[name][1]])
        else:
            files[name] = git.read(identity)[1]
            lines.append([name, "blob", digest("mgit blob v1", files[name])])
    metadata = parse_canonical(files.pop("zarr.json"))
    node = Node(metadata["attributes"])
    if "chunks" in files:
        require(not directories and len(files) == 1, "an array holds more than its two files")
        node.values = read_array(metadata, files["chunks"], chunks)
    else:
        require(metadata["node_type"] == "group", "an array without a list of chunks")
        node.children = {name: below for name, (below, _) in directories.items()}
        node.files = files
    memory[tree] = node, digest("mgit root v1", canonical({"entries": lines}))
    return memory[tree]


def read_array(metadata, listing, chunks):
    """The values of an array; its content digest is checked."""
    if metadata["data_type"] not in TYPES:
        raise Unsupported(f"an array has the type {metadata['data_type']}")
    dtype, shape = np.dtype(TYPES[metadata["data_type"]]), tuple(metadata["shape"])
    edges = metadata["chunk_grid"]["configuration"]["chunk_shape"]
    values = np.zeros(shape, dtype)  # a chunk that is not listed is zeros
    for line in listing.decode("ascii").splitlines():
        key, chunk = line.split(" ")
        starts = [int(at) * edge for at, edge in zip(key.split("/")[1:], edges, strict=True)]
        box = tuple(
            slice(start, min(start + edge, length))
            for start, edge, length in zip(starts, edges, shape, strict=True)
        )
        content = np.frombuffer(chunks.get(chunk), dtype)
        require(content.size == values[box].size, "a chunk does not fill its place")
        values[box] = content.reshape(values[box].shape)
    header = canonical({"dtype": TYPES[metadata["data_type"]], "shape": list(shape)})
    found = digest("mgit array v1", header, b"\0", values.tobytes())
    require(found == metadata["attributes"]["content"], "an array has another content digest")
    return values


# --- state digests (v1.md, sections 6 and 7; the crosses in docs/state.md) -----------------------


def words(text):
    return text.split()


ITEM_ATTRIBUTES = words("""
    kind pixel_size_angstrom voltage_kilovolt spherical_aberration_millimetre
    chromatic_aberration_millimetre amplitude_contrast beam_tilt_x_milliradian
    beam_tilt_y_milliradian b_factor_angstrom2 weight exposure_per_frame pre_exposure
    image_pixel_size_angstrom volume_dimensions_angstrom image_dimensions_angstrom image_size_px
    hand frame_count frame_start eer_grouping excluded ctf_premultiplied exposure_filtered
    gain_flip_x gain_flip_y gain_transpose
""")
SPECIES_ATTRIBUTES = words("""
    diameter_angstrom pixel_size_angstrom helical_twist_degree helical_rise_angstrom
    helical_height_angstrom resolution_override_angstrom symmetry applied_columns optics_groups
    helical_units ewald ewald_reverse
""")
MAPS = ["half_map_1", "half_map_2", "reference", "mask"]
COLUMNS = ["id", "item", "position", "angles", "half_set", "trajectory"]


def covered(node, names):
    found = {name: node.attributes.get(name, False) for name in names}
    return {name: value for name, value in found.items() if value is not False}


def raw_manifest(files):
    if not files or any("digest" not in each and "quick" not in each for each in files):
        return "unbound"
    known = [[each["role"], each.get("digest") or "quick:" + each["quick"]] for each in files]
    whole = plain(canonical({"raw": known}))
    return whole if all("digest" in each for each in files) else "quick:" + whole


def item_state(node):
    arrays = {}
    for name, array in node.arrays().items():
        attributes = {key: value for key, value in array.attributes.items() if key != "content"}
        arrays[name] = {"attributes": attributes, "content": array.content}
    record = {
        "arrays": arrays,
        "attributes": covered(node, ITEM_ATTRIBUTES),
        "inputs": sorted(set(node.attributes.get("inputs", []))),
        "raw": raw_manifest(node.attributes.get("raw", [])),
        "type": "item",
        "version": 1,
    }
    return digest("mgit state v1", canonical(record))


def species_state(node):
    particles = node.below("particles")
    columns = {name: particles.children[name] for name in COLUMNS if name in particles.children}
    foreign = {
        each.attributes["name"]: each for each in particles.below("columns").children.values()
    }
    for name in node.attributes.get("applied_columns", []):
        columns[f"applied/{name}"] = foreign[name]
    record = {
        "attributes": covered(node, SPECIES_ATTRIBUTES),
        "inputs": sorted(set(node.attributes.get("inputs", []))),
        "maps": {name: each.content for name, each in node.arrays().items() if name in MAPS},
        "network": {name: each.content for name, each in node.below("denoiser").arrays().items()},
        "particles": {name: column_content(each) for name, each in columns.items()},
        "type": "species",
        "version": 1,
    }
    return digest("mgit state v1", canonical(record))


def column_content(node):
    if node.values is not None:
        return node.content
    return {name: node.children[name].content for name in ("codes", "offsets", "strings")}


def strings(node):
    """The texts of a string column (v1.md, section 5)."""
    offsets, text = node.children["offsets"].values, node.children["strings"].values.tobytes()
    texts = [text[a:b].decode() for a, b in itertools.pairwise(offsets)]
    return [texts[code] for code in node.children["codes"].values]


def states(root):
    """Path -> computed state of every item and every species, compared with what is recorded."""
    found = {}
    for source, group in root.below("sources").children.items():
        for fan, directory in group.below("items").children.items():
            for name, item in directory.children.items():
                found[f"sources/{source}/items/{fan}/{name}"] = (item, item_state(item))
    for name, species in root.below("species").children.items():
        found[f"species/{name}"] = (species, species_state(species))
    for path, (node, state) in found.items():
        require(node.attributes["state"] == state, f"{path} records another state")
    return {path: state for path, (_, state) in found.items()}


# --- a whole repository (v1.md, section 4) -------------------------------------------------------


def read_repository(directory, ref=None):
    """Commit id -> {tree, parents, state, root, states, node} of every commit that refs reach."""
    control = os.path.join(directory, ".mgit")
    if content_of(os.path.join(control, "format")) != b"mgit 1\n":
        raise Unsupported("the repository has another format version")
    git, chunks = Git(os.path.join(control, "git")), Chunks(os.path.join(control, "store"))
    refs = git.refs()
    waiting = [git.commit_of(refs[name]) for name in ([ref] if ref else sorted(refs))]
    history, trees = {}, {}
    while waiting:
        name = waiting.pop()
        if name in history:
            continue
        parents = git.commit(name)[1]
        if any(parent not in history for parent in parents):
            waiting += [name, *parents]  # a root needs those of the parents
            continue
        history[name] = read_commit(git, chunks, name, history, trees)
    return history


def read_commit(git, chunks, name, history, trees):
    tree, parents, trailers = git.commit(name)
    node, directory = read_node(git, chunks, tree, trees)
    found = states(node)
    items = sorted(state for path, state in found.items() if path.startswith("sources/"))
    species = sorted(state for path, state in found.items() if path.startswith("species/"))
    population = {"format": 1, "items": items, "species": species}
    state = digest("mgit state v1", canonical(population))
    roots = [history[parent]["root"] for parent in parents]
    root = digest("mgit root v1", canonical({"format": 1, "parents": roots, "tree": directory}))
    # A commit without the trailers was made by another program and claims nothing.
    require(trailers.get("Mgit-State", state) == state, f"commit {name} claims another state")
    require(trailers.get("Mgit-Root", root) == root, f"commit {name} claims another root")
    return {
        "tree": tree, "parents": parents, "state": state, "root": root, "states": found,
        "node": node,
    }  # fmt: skip


def arrays_of(node, path=""):
    """Path and node of every array below a group."""
    if node.values is not None:
        yield path, node
    for name, child in sorted(node.children.items()):
        yield from arrays_of(child, f"{path}/{name}" if path else name)


if __name__ == "__main__":
    for name, commit in read_repository(*sys.argv[1:3]).items():
        count = sum(1 for _ in arrays_of(commit["node"]))
        sys.stdout.write(f"{name} {commit['state']} {commit['root']} {count} arrays\n")
