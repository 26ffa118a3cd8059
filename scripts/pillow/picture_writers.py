"""Writers of picture files, short and plain, of what Pillow itself does not write: every bit of the file is chosen here."""

import struct
import zlib

import numpy
from PIL import ImageCms

# Of bitmaps, portable maps and TIFFs, whose writers take rows of bytes.
WIDTH, HEIGHT = 21, 13


def swapped_profile():
    """sRGB with red and blue exchanged: whoever applies it changes every colour."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    names = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}
    for entry in range(struct.unpack(">I", profile[128:132])[0]):
        at = 132 + 12 * entry
        profile[at : at + 4] = names.get(bytes(profile[at : at + 4]), profile[at : at + 4])
    # Without the time at which it was made.
    profile[24:36] = bytes(12)
    return bytes(profile)


def grey_profile():
    """A grey profile of gamma 3."""
    curve = b"curv" + bytes(4) + struct.pack(">IHH", 1, 0x300, 0)
    white = b"XYZ " + bytes(4) + struct.pack(">iii", 0xF6D6, 0x10000, 0xD32D)
    description = b"desc" + bytes(4) + struct.pack(">I", 2) + b"g\0" + bytes(78)
    description += bytes(-len(description) % 4)
    text = b"text" + bytes(4) + b"none\0\0\0\0"
    parts, table, at = b"", b"", 132 + 12 * 4
    for name, data in ((b"desc", description), (b"wtpt", white), (b"kTRC", curve), (b"cprt", text)):
        table += name + struct.pack(">II", at, len(data))
        parts += data
        at += len(data)
    head = struct.pack(">I", at) + bytes(4) + b"\x02\x20\0\0" + b"mntrGRAYXYZ " + bytes(12) + b"acsp"
    head += bytes(28) + struct.pack(">iii", 0xF6D6, 0x10000, 0xD32D)
    return head + bytes(128 - len(head)) + struct.pack(">I", 4) + table + parts


def packed(samples, bits):
    """[height, width, channels] to rows of bytes, the first sample in the highest bits."""
    rows = samples.reshape(samples.shape[0], -1)
    if bits == 16:
        return [row.astype(">u2").tobytes() for row in rows]
    if bits == 8:
        return [row.astype(numpy.uint8).tobytes() for row in rows]
    expanded = (rows[:, :, None] >> numpy.arange(bits - 1, -1, -1)) & 1
    return [numpy.packbits(row.reshape(-1)).tobytes() for row in expanded]


def png(samples, bits, colour, extra=(), interlaced=False):
    """Each row has another filter; chunks of `extra` come before the pixels."""
    height, width, channels = samples.shape
    step = max(1, channels * bits // 8)

    def filtered(rows):
        result, before = b"", None
        for number, row in enumerate(rows):
            before = before if before is not None and len(before) == len(row) else bytes(len(row))
            kind = number % 5
            result += bytes([kind])
            for at, value in enumerate(row):
                a = row[at - step] if at >= step else 0
                b = before[at]
                c = before[at - step] if at >= step else 0
                p = a + b - c
                paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
                result += bytes([(value - (0, a, b, (a + b) // 2, paeth)[kind]) & 255])
            before = row
        return result

    starts = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    passes = [samples[top::down, left::right] for top, left, down, right in starts] if interlaced else [samples]
    data = b"".join(filtered(packed(part, bits)) for part in passes if part.size > 0)
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced))
    pixels = zlib.compress(data)
    half = len(pixels) // 2
    chunks = [(b"IHDR", header), *extra, (b"IDAT", pixels[:half]), (b"IDAT", pixels[half:]), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def gif_codes(indices, bits):
    """LZW of a GIF: codes of a growing table, the lowest bit first."""
    clear, end = 1 << bits, (1 << bits) + 1
    table, width, stream, place, known = {}, bits + 1, 0, 0, b""

    def put(code):
        nonlocal stream, place
        stream |= code << place
        place += width

    put(clear)
    table = {bytes([value]): value for value in range(clear)}
    following = end + 1
    for value in indices:
        longer = known + bytes([value])
        if longer in table:
            known = longer
            continue
        put(table[known])
        if following < 4096:
            table[longer] = following
            following += 1
            if following > (1 << width) and width < 12:
                width += 1
        else:
            put(clear)
            table = {bytes([one]): one for one in range(clear)}
            following, width = end + 1, bits + 1
        known = bytes([value])
    put(table[known])
    put(end)
    return stream.to_bytes((place + 7) // 8, "little")


def gif(indices, bits, screen=None, at=(0, 0), background=0, shared=None, own=None, transparent=None, interlaced=False):
    height, width = indices.shape
    wide, high = screen or (width, height)
    result = b"GIF89a" + struct.pack("<HHBBB", wide, high, 0x80 | (bits - 1) if shared is not None else 0, background, 0)
    result += shared.tobytes() if shared is not None else b""
    if transparent is not None:
        result += b"!\xf9\4" + struct.pack("<BHBB", 1, 0, transparent, 0)
    flags = (0x80 | (bits - 1) if own is not None else 0) | (0x40 if interlaced else 0)
    result += b"," + struct.pack("<HHHHB", *at, width, height, flags)
    result += own.tobytes() if own is not None else b""
    if interlaced:
        indices = numpy.concatenate([indices[first::step] for first, step in ((0, 8), (4, 8), (2, 4), (1, 2))])
    codes = gif_codes(indices.reshape(-1).tolist(), max(2, bits))
    result += bytes([max(2, bits)])
    for start in range(0, len(codes), 255):
        block = codes[start : start + 255]
        result += bytes([len(block)]) + block
    return result + b"\0;"


def bmp(rows, bits, palette=None, masks=(), compression=0, size=40, top_down=False):
    width, height = WIDTH, HEIGHT
    colours = b"" if palette is None else palette
    if size == 12:
        head = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        count = len(colours) // 4
        tall = -height if top_down else height
        head = struct.pack("<IiiHHIIiiII", size, width, tall, 1, bits, compression, len(rows), 0, 0, count, 0)
        head += b"".join(struct.pack("<I", mask) for mask in masks)
        head += bytes(max(0, size - len(head)))
    offset = 14 + len(head) + len(colours)
    return b"BM" + struct.pack("<IHHI", offset + len(rows), 0, 0, offset) + head + colours + rows


def bmp_rows(rows, top_down=False):
    return b"".join(row + bytes(-len(row) % 4) for row in (rows if top_down else rows[::-1]))


def portable(kind, samples, most, plain=False, comment=b""):
    head = b"P%d\n%s%d %d\n" % (kind, comment, WIDTH, HEIGHT) + (b"" if kind in (1, 4) else b"%d\n" % most)
    if plain:
        return head + b"\n".join(b" ".join(b"%d" % value for value in row.reshape(-1)) for row in samples) + b"\n"
    if kind == 4:
        return head + b"".join(packed(samples, 1))
    return head + samples.astype(">u2" if most > 255 else numpy.uint8).tobytes()


def tiff(rows, bits, photometric, order="<", compression=1, tags=None, planes=None, strip=5):
    """`rows` of bytes already in the file's order; `planes`: rows of each plane instead."""
    groups = [plane[first : first + strip] for plane in (planes or [rows]) for first in range(0, len(plane), strip)]
    encode = {1: bytes, 8: zlib.compress}[compression]
    strips = [encode(b"".join(group)) for group in groups]
    entries = {
        256: ("H", [WIDTH]),
        257: ("H", [HEIGHT]),
        258: ("H", bits),
        259: ("H", [compression]),
        262: ("H", [photometric]),
        277: ("H", [len(bits)]),
        278: ("H", [strip]),
        279: ("I", [len(one) for one in strips]),
        284: ("H", [2 if planes else 1]),
        **(tags or {}),
    }
    offsets, at = [], 8
    for one in strips:
        offsets.append(at)
        at += len(one)
    entries[273] = ("I", offsets)
    directory = at + at % 2
    beyond = directory + 2 + 12 * len(entries) + 4
    table, values = b"", b""
    for tag in sorted(entries):
        form, items = entries[tag]
        data = struct.pack(f"{order}{len(items)}{form}", *items)
        kind = {"B": 1, "H": 3, "I": 4}[form]
        table += struct.pack(f"{order}HHI", tag, kind, len(items))
        if len(data) <= 4:
            table += data + bytes(4 - len(data))
            continue
        table += struct.pack(f"{order}I", beyond + len(values))
        values += data + bytes(len(data) % 2)
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, directory)
    body = b"".join(strips) + bytes(at % 2)
    return head + body + struct.pack(f"{order}H", len(entries)) + table + bytes(4) + values
