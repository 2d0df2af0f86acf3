"""Which image files a reader accepts (`spec/sif.md`), for the vectors of that page."""

import struct
import zlib

from verify import ARCHES, Wrong

MAGIC = b"SIF_MAGIC\0"
CODES = {code.encode() + b"\0": word for word, code in ARCHES.items() if word != "unknown"}
PARTITION, SIGNATURE = 0x4004, 0x4005


def inside(offset, size, total, word):
    if offset < 0 or size < 0 or offset + size > 2**63 - 1:
        raise Wrong("sif-range")
    if offset + size > total:
        raise Wrong(word)


def disjoint(parts):
    """Refuses parts that share a byte; empty ones share none."""
    end = 0
    for start, size in sorted(part for part in parts if part[1]):
        if start < end:
            raise Wrong("sif-overlap")
        end = start + size


def sif(data):
    total = len(data)
    if total < 128:
        raise Wrong("sif-truncated")
    if data[32:42] != MAGIC:
        raise Wrong("sif-magic")
    if data[42:45] != b"01\0":
        raise Wrong("sif-version")
    if b"\0" not in data[:32]:
        raise Wrong("sif-launch-script")
    arch = data[45:48]
    free, count, table, table_size, start, size = struct.unpack_from("<6q", data, 80)
    if free < 0 or count < 0:
        raise Wrong("sif-range")
    if count > 4096:
        raise Wrong("sif-too-many-descriptors")
    inside(table, table_size, total, "sif-truncated")
    inside(start, size, total, "sif-truncated")
    if table_size < 585 * count:
        raise Wrong("sif-table-size")
    disjoint([(0, 128), (table, table_size), (start, size)])
    objects, primary = [], []
    for number in range(count):
        at = table + 585 * number
        kind, used, ident = struct.unpack_from("<iBI", data, at)
        offset, length = struct.unpack_from("<2q", data, at + 17)
        if not used:
            continue
        inside(offset, length, total, "sif-out-of-data")
        if ident == 0:
            raise Wrong("sif-zero-id")
        if length == 0 and kind in (PARTITION, SIGNATURE):
            raise Wrong("sif-empty-object")
        if offset < start or offset + length > start + size:
            raise Wrong("sif-out-of-data")
        objects.append((offset, length, ident))
        if kind == PARTITION and struct.unpack_from("<i", data, at + 205)[0] == 2:
            primary.append(data[at + 209 : at + 212])
    if free != count - len(objects):
        raise Wrong("sif-free-count")
    disjoint([(offset, length) for offset, length, _ in objects])
    if len({ident for _, _, ident in objects}) != len(objects):
        raise Wrong("sif-duplicate-id")
    if len(primary) > 1:
        raise Wrong("sif-two-primaries")
    word = CODES.get(arch, "unknown")
    # Older tools wrote the word of the architecture there, cut off after three letters.
    is_word = word != "unknown" and primary and word.encode().startswith(primary[0])
    if primary and primary[0] != arch and not is_word:
        raise Wrong("sif-arch")
    return {"format": "sif", "arch": word, "size": total}


def squashfs(data, start):
    if len(data) < start + 96:
        raise Wrong("squashfs-truncated")
    block, = struct.unpack_from("<I", data, start + 12)
    compression, log, _, _, major, minor = struct.unpack_from("<6H", data, start + 20)
    size, = struct.unpack_from("<Q", data, start + 40)
    inodes, folders, fragments = struct.unpack_from("<3Q", data, start + 64)
    if (major, minor) != (4, 0):
        raise Wrong("squashfs-version")
    right = (
        block in [1 << bits for bits in range(12, 21)] and 1 << log == block
        and 1 <= compression <= 6 and size >= 96 and 96 <= inodes < size
        and inodes <= folders < size and (fragments == 2**64 - 1 or 96 <= fragments < size)
    )
    if not right:
        raise Wrong("squashfs-superblock")
    if start + size > len(data):
        raise Wrong("squashfs-truncated")
    return {"format": "squashfs", "arch": "unknown", "size": len(data)}


def bare(data):
    """The squashfs that a file is, by its first bytes; nothing where it is none."""
    if data.startswith(b"hsqs"):
        return squashfs(data, 0)
    line = data[:257].find(b"\n")
    if data.startswith(b"#!") and 0 < line < 256 and data[line + 1 : line + 5] == b"hsqs":
        return squashfs(data, line + 1)
    return None


def image(data, kind=None):
    """Format, architecture and size of an image file."""
    if not data:
        raise Wrong("image-empty")
    if kind == "sif" or data[32:42] == MAGIC:
        return sif(data)
    if data.startswith(b"\x1f\x8b"):
        inner = zlib.decompressobj(31)
        try:
            found = inner.decompress(data) + inner.flush()
        except zlib.error:
            raise Wrong("gzip-damaged")
        if not inner.eof:
            raise Wrong("gzip-damaged")
        if not found:
            raise Wrong("image-empty")
        if not bare(found):
            raise Wrong("not-an-image")
        return {"format": "squashfs", "arch": "unknown", "size": len(data)}
    found = bare(data)
    if found:
        return found
    raise Wrong("image-too-small" if len(data) < 128 else "not-an-image")
