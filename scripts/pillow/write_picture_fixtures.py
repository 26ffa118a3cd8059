"""Writes test/fixtures/pictures: small picture files of all kinds, and what Pillow's convert("RGB") makes of each.

python scripts/pillow/write_picture_fixtures.py    (needs pillow and numpy)

Most files are written by picture_writers.py, so that they hold what Pillow itself does not write (interlacing,
16 bits, palettes, orders of bytes). `pictures.json` has the names and sizes and where the pixels begin in `pixels.gz`,
[height, width, 3] u8.
"""

import gzip
import io
import json
import struct
import zlib
from pathlib import Path

import numpy
import PIL
from PIL import Image

from picture_writers import (
    HEIGHT,
    WIDTH,
    bmp,
    bmp_rows,
    gif,
    grey_profile,
    packed,
    png,
    portable,
    swapped_profile,
    tiff,
)

FOLDER = Path(__file__).resolve().parents[2] / "test" / "fixtures" / "pictures"


def drawn(channels, bits=8, seed=0):
    """Smooth and rough parts, every channel another, the whole range of the bits."""
    y, x, c = numpy.mgrid[0:HEIGHT, 0:WIDTH, 0:channels]
    wave = numpy.sin(x / 5 + c + seed) + numpy.cos(y / 3 - c) + ((x * 7 + y * 13 + c * 5 + seed) % 11) / 12
    low, high = wave.min(), wave.max()
    return ((wave - low) / (high - low) * (2**bits - 1)).astype(numpy.uint16 if bits > 8 else numpy.uint8)


def palette_of(colours):
    return ((numpy.arange(colours)[:, None] * numpy.array([37, 91, 151]) + [5, 60, 200]) % 256).astype(numpy.uint8)


def pngs():
    swapped = (b"iCCP", b"swapped\0\0" + zlib.compress(swapped_profile()))
    grey = (b"iCCP", b"grey\0\0" + zlib.compress(grey_profile()))
    gamma = (b"gAMA", struct.pack(">I", 100000))
    chromaticities = (b"cHRM", struct.pack(">8I", 31270, 32900, 15000, 6000, 30000, 60000, 64000, 33000))
    turned = (b"eXIf", b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x112, 3, 1, 6, 0, 0))
    yield "rgb", png(drawn(3), 8, 2)
    yield "rgb-profile", png(drawn(3), 8, 2, [swapped])
    yield "rgb-gamma", png(drawn(3), 8, 2, [gamma, chromaticities])
    yield "rgb-turned", png(drawn(3), 8, 2, [turned])
    yield "rgb-interlaced", png(drawn(3), 8, 2, interlaced=True)
    yield "rgb-transparent", png(drawn(3), 8, 2, [(b"tRNS", drawn(3)[0, 0].astype(">u2").tobytes())])
    yield "rgba", png(drawn(4), 8, 6)
    yield "rgba-profile", png(drawn(4), 8, 6, [swapped])
    yield "rgba-interlaced", png(drawn(4), 8, 6, interlaced=True)
    yield "rgb16", png(drawn(3, 16), 16, 2)
    yield "rgb16-profile", png(drawn(3, 16), 16, 2, [swapped])
    yield "rgba16", png(drawn(4, 16), 16, 6)
    for bits in (1, 2, 4, 8):
        yield f"grey{bits}", png(drawn(1, bits), bits, 0)
    yield "grey8-profile", png(drawn(1), 8, 0, [grey])
    yield "grey8-rgb-profile", png(drawn(1), 8, 0, [swapped])
    yield "grey2-interlaced", png(drawn(1, 2), 2, 0, interlaced=True)
    yield "grey8-transparent", png(drawn(1), 8, 0, [(b"tRNS", struct.pack(">H", int(drawn(1)[0, 0, 0])))])
    # Pillow clips at 255: of the first few pixels, of the dark one half are below.
    yield "grey16", png(drawn(1, 16), 16, 0)
    yield "grey16-dark", png(drawn(1, 16) >> 7, 16, 0)
    yield "grey16-transparent", png(drawn(1, 16) >> 7, 16, 0, [(b"tRNS", struct.pack(">H", 100))])
    yield "grey-alpha", png(drawn(2), 8, 4)
    yield "grey-alpha-profile", png(drawn(2), 8, 4, [grey])
    yield "grey-alpha16", png(drawn(2, 16), 16, 4)
    for bits in (1, 2, 4, 8):
        yield f"palette{bits}", png(drawn(1, bits), bits, 3, [(b"PLTE", palette_of(2**bits).tobytes())])
    transparent = (b"tRNS", bytes([0, 128, 255, 3]))
    yield "palette-transparent", png(drawn(1, 4), 4, 3, [(b"PLTE", palette_of(16).tobytes()), transparent])
    yield "palette-profile", png(drawn(1, 4), 4, 3, [swapped, (b"PLTE", palette_of(16).tobytes())])
    yield "palette-short", png(drawn(1, 4), 4, 3, [(b"PLTE", palette_of(9).tobytes())])


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def rgb(seed=0):
    return Image.fromarray(drawn(3, seed=seed))


def jpegs():
    exif = Image.Exif()
    exif[0x112] = 6
    inks = Image.fromarray(drawn(4), "CMYK")
    yield "rgb", saved(rgb(), "JPEG", quality=90)
    yield "profile", saved(rgb(), "JPEG", quality=90, icc_profile=swapped_profile())
    yield "grey-profile", saved(Image.fromarray(drawn(1)[:, :, 0]), "JPEG", icc_profile=grey_profile())
    yield "turned", saved(rgb(), "JPEG", quality=90, exif=exif)
    yield "progressive", saved(rgb(), "JPEG", quality=80, progressive=True)
    yield "not-converted", saved(rgb(), "JPEG", quality=95, keep_rgb=True)
    adobe = saved(inks, "JPEG", quality=95)
    at = adobe.index(b"\xff\xee")
    assert adobe[at + 4 : at + 9] == b"Adobe"
    yield "inks-adobe", adobe
    # The same without Adobe's marker, and with one that says YCCK: other colours, which is what is tested.
    yield "inks-plain", adobe[:at] + adobe[at + 16 :]
    yield "inks-ycck", adobe[: at + 15] + b"\2" + adobe[at + 16 :]


def webps():
    yield "lossy", saved(rgb(), "WEBP", quality=80)
    yield "lossy-alpha", saved(Image.fromarray(drawn(4)), "WEBP", quality=80)
    yield "lossless", saved(rgb(), "WEBP", lossless=True)
    yield "lossless-alpha", saved(Image.fromarray(drawn(4)), "WEBP", lossless=True, exact=True)
    yield "lossless-profile", saved(rgb(), "WEBP", lossless=True, icc_profile=swapped_profile())
    frames = [Image.fromarray(drawn(4, seed=seed)) for seed in range(3)]
    yield "animated", saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True, exact=True)


def gifs():
    indices = drawn(1, 4)[:, :, 0]
    many = numpy.random.default_rng(1).integers(0, 256, (70, 64)).astype(numpy.uint8)
    grey = numpy.repeat(numpy.arange(256, dtype=numpy.uint8)[:, None], 3, 1)
    yield "shared", gif(indices, 4, shared=palette_of(16))
    yield "own", gif(indices, 4, shared=palette_of(16), own=palette_of(16)[::-1].copy())
    yield "transparent", gif(indices, 4, shared=palette_of(16), transparent=3)
    yield "interlaced", gif(indices, 4, shared=palette_of(16), interlaced=True)
    yield "part", gif(indices, 4, screen=(30, 20), at=(5, 4), background=7, shared=palette_of(16))
    yield "part-transparent", gif(indices, 4, screen=(30, 20), at=(5, 4), background=7, shared=palette_of(16), transparent=9)
    yield "beyond", gif(indices, 4, screen=(10, 10), at=(2, 1), shared=palette_of(16))
    yield "no-palette", gif(indices, 4)
    yield "bits1", gif(drawn(1, 1)[:, :, 0], 1, shared=palette_of(2))
    yield "grey", gif(drawn(1)[:, :, 0], 8, shared=grey)
    # More different pairs than the table holds: it is cleared within.
    yield "full-table", gif(many, 8, shared=palette_of(256))
    frames = [rgb(seed).quantize(16) for seed in range(3)]
    yield "animated", saved(frames[0], "GIF", save_all=True, append_images=frames[1:])


def bmps():
    colour = drawn(3)[:, :, ::-1]
    four = numpy.concatenate([colour, drawn(4)[:, :, 3:]], 2)
    quads = lambda bits: numpy.concatenate([palette_of(2**bits)[:, ::-1], numpy.zeros((2**bits, 1), numpy.uint8)], 1)
    yield "colour24", bmp(bmp_rows(packed(colour, 8)), 24)
    yield "top-down", bmp(bmp_rows(packed(colour, 8), True), 24, top_down=True)
    yield "colour32", bmp(bmp_rows(packed(four, 8)), 32)
    yield "colour32-alpha", bmp(
        bmp_rows(packed(four, 8)), 32, masks=(0xFF0000, 0xFF00, 0xFF, 0xFF000000), compression=3, size=108
    )
    yield "colour32-rgba", bmp(
        bmp_rows(packed(four, 8)), 32, masks=(0xFF, 0xFF00, 0xFF0000, 0xFF000000), compression=3, size=124
    )
    yield "colour32-high", bmp(
        bmp_rows(packed(four, 8)), 32, masks=(0xFF000000, 0xFF0000, 0xFF00, 0), compression=3, size=56
    )
    words = drawn(1, 16)[:, :, 0].astype("<u2")
    rows16 = bmp_rows([row.tobytes() for row in words])
    yield "colour16", bmp(rows16, 16)
    yield "colour565", bmp(rows16, 16, masks=(0xF800, 0x7E0, 0x1F), compression=3)
    yield "colour555-masks", bmp(rows16, 16, masks=(0x7C00, 0x3E0, 0x1F), compression=3)
    for bits in (1, 4, 8):
        yield f"palette{bits}", bmp(bmp_rows(packed(drawn(1, bits), bits)), bits, quads(bits).tobytes())
    grey = numpy.repeat(numpy.arange(256, dtype=numpy.uint8)[:, None], 4, 1).tobytes()
    yield "grey8", bmp(bmp_rows(packed(drawn(1), 8)), 8, grey)
    yield "black-white", bmp(bmp_rows(packed(drawn(1, 1), 1)), 1, bytes(4) + b"\xff\xff\xff\0")
    yield "short-palette", bmp(bmp_rows(packed(drawn(1, 8) % 20, 8)), 8, quads(8)[:20].tobytes())
    core = palette_of(16)[:, ::-1].tobytes()
    yield "core", bmp(bmp_rows(packed(drawn(1, 4), 4)), 4, core, size=12)
    indices = drawn(1, 8)[::-1, :, 0] // 16 * 16
    runs = b""
    for row in indices.tolist():
        runs += b"".join(bytes([1, value]) for value in row[:6]) + bytes([0, 5, *row[6:11], 0])
        runs += bytes([4, row[11]]) + bytes([0, 4, *row[15:19]]) + b"\0\0"
    runs += b"\0\1"
    yield "runs8", bmp(runs, 8, quads(8).tobytes(), compression=1)
    skips = b"".join(bytes([5, 17 * row & 255, 0, 2, 3, 1, 4, row * 9 & 255, 0, 0]) for row in range(6)) + b"\0\1"
    yield "runs8-skips", bmp(skips, 8, quads(8).tobytes(), compression=1)
    nibbles = b"".join(bytes([9, 0x1A + row, 0, 6, 0x12, 0x34, 0x56, 0, 6, 0xB0 + row, 0, 0]) for row in range(HEIGHT))
    yield "runs4", bmp(nibbles + b"\0\1", 4, quads(4).tobytes(), compression=2)


def portables():
    yield "bits-plain", portable(1, drawn(1, 1), 1, plain=True)
    yield "grey-plain", portable(2, drawn(1), 255, plain=True, comment=b"# drawn\n")
    yield "colour-plain", portable(3, drawn(3) % 100, 99, plain=True)
    yield "bits", portable(4, drawn(1, 1), 1)
    yield "grey", portable(5, drawn(1), 255, comment=b"# one\n# two\n")
    yield "grey-of-15", portable(5, drawn(1) % 16, 15)
    yield "grey-of-4095", portable(5, drawn(1, 16) % 200, 4095)
    yield "grey16", portable(5, drawn(1, 16) >> 7, 65535)
    yield "grey16-plain", portable(2, drawn(1, 16) >> 7, 65535, plain=True)
    yield "colour", portable(6, drawn(3), 255)
    yield "colour-of-100", portable(6, drawn(3) % 101, 100)
    yield "colour16", portable(6, drawn(3, 16), 65535)


def tiffs():
    swapped = {34675: ("B", list(swapped_profile()))}
    turned = {274: ("H", [6])}
    extra = lambda kind: {338: ("H", [kind])}
    little = lambda samples: [row.astype("<u2").tobytes() for row in samples.reshape(HEIGHT, -1)]
    yield "rgb", tiff(packed(drawn(3), 8), [8] * 3, 2)
    yield "rgb-big-endian", tiff(packed(drawn(3), 8), [8] * 3, 2, order=">")
    yield "rgb-profile", tiff(packed(drawn(3), 8), [8] * 3, 2, tags=swapped)
    yield "rgb-turned", tiff(packed(drawn(3), 8), [8] * 3, 2, tags=turned)
    yield "rgb-planes", tiff([], [8] * 3, 2, planes=[packed(drawn(3)[:, :, c : c + 1], 8) for c in range(3)])
    yield "rgb-deflate", tiff(packed(drawn(3), 8), [8] * 3, 2, compression=8)
    yield "rgbx", tiff(packed(drawn(4), 8), [8] * 4, 2, tags=extra(0))
    yield "rgba", tiff(packed(drawn(4), 8), [8] * 4, 2, tags=extra(2))
    yield "rgba-multiplied", tiff(packed(drawn(4), 8), [8] * 4, 2, tags=extra(1))
    yield "rgb16", tiff(little(drawn(3, 16)), [16] * 3, 2)
    yield "rgb16-big-endian", tiff(packed(drawn(3, 16), 16), [16] * 3, 2, order=">")
    yield "rgba16-deflate", tiff(little(drawn(4, 16)), [16] * 4, 2, compression=8, tags=extra(2))
    for bits in (1, 2, 4, 8):
        yield f"grey{bits}", tiff(packed(drawn(1, bits), bits), [bits], 1)
        yield f"grey{bits}-white-is-zero", tiff(packed(drawn(1, bits), bits), [bits], 0)
    yield "grey-alpha", tiff(packed(drawn(2), 8), [8, 8], 1, tags=extra(2))
    yield "grey16", tiff(little(drawn(1, 16) >> 7), [16], 1)
    yield "grey16-big-endian", tiff(packed(drawn(1, 16) >> 7, 16), [16], 1, order=">")
    yield "grey16-deflate", tiff(little(drawn(1, 16) >> 7), [16], 1, compression=8)
    yield "grey16-white-is-zero", tiff(little(drawn(1, 16) >> 7), [16], 0)
    yield "grey32", tiff([row.astype("<u4").tobytes() for row in drawn(1, 16).reshape(HEIGHT, -1) >> 7], [32], 1)
    floats = [(row / 100 - 50).astype("<f4").tobytes() for row in drawn(1, 16).reshape(HEIGHT, -1)]
    yield "grey-float", tiff(floats, [32], 1, tags={339: ("H", [3])})
    for bits in (4, 8):
        colours = (palette_of(2**bits).astype(int) * 257).T.reshape(-1).tolist()
        yield f"palette{bits}", tiff(packed(drawn(1, bits), bits), [bits], 3, tags={320: ("H", colours)})
    yield "inks", tiff(packed(drawn(4), 8), [8] * 4, 5)
    yield "inks-deflate", tiff(packed(drawn(4), 8), [8] * 4, 5, compression=8)
    yield "inks16", tiff(little(drawn(4, 16)), [16] * 4, 5)
    yield "lab", tiff(packed(drawn(3), 8), [8] * 3, 8)
    yield "lzw", saved(rgb(), "TIFF", compression="tiff_lzw")
    yield "packbits", saved(rgb(), "TIFF", compression="packbits")
    yield "predictor", saved(rgb(), "TIFF", compression="tiff_lzw", tiffinfo={317: 2})
    yield "jpeg", saved(rgb(), "TIFF", compression="jpeg", quality=90)
    yield "fax4", saved(Image.fromarray(drawn(1)[:, :, 0]).convert("1"), "TIFF", compression="group4")
    yield "two-pages", saved(rgb(), "TIFF", save_all=True, append_images=[rgb(1)])


KINDS = (
    ("png", pngs),
    ("jpg", jpegs),
    ("webp", webps),
    ("gif", gifs),
    ("bmp", bmps),
    ("ppm", portables),
    ("tif", tiffs),
)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    pictures, pixels = [], b""
    for ending, kind in KINDS:
        for name, contents in kind():
            file = f"{ending}-{name}.{ending}"
            (FOLDER / file).write_bytes(contents)
            try:
                image = Image.open(io.BytesIO(contents))
                mode = image.mode
                colours = numpy.asarray(image.convert("RGB"))
            except Exception as fault:
                pictures.append({"file": file, "refused": f"{type(fault).__name__}: {fault}"})
                continue
            height, width, _ = colours.shape
            # Many files hold the same picture.
            known = pixels.find(colours.tobytes())
            at = known if known >= 0 else len(pixels)
            pictures.append({"file": file, "mode": mode, "width": width, "height": height, "at": at})
            pixels += colours.tobytes() if known < 0 else b""
    (FOLDER / "pixels.gz").write_bytes(gzip.compress(pixels, 9, mtime=0))
    lines = ",\n".join(json.dumps(picture) for picture in pictures)
    (FOLDER / "pictures.json").write_text(f'{{"pillow": "{PIL.__version__}", "pictures": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
