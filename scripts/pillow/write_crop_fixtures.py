"""Writes test/fixtures/crops: JPEG files of all kinds, and what Pillow makes of crops of them.

python scripts/pillow/write_crop_fixtures.py    (needs pillow, numpy, simplejpeg and scikit-image, whose pictures it takes)
"""

import json
import os
import random
from pathlib import Path

import numpy
import PIL
import simplejpeg
import skimage
from PIL import Image

FOLDER = Path(__file__).resolve().parents[2] / "test" / "fixtures" / "crops"
SHIPPED = Path(skimage.__file__).parent / "data"

# name, picture, size of the file's image, how it is written
FILES = (
    ("420", "astronaut.png", (200, 150), {"quality": 90, "subsampling": 2}),
    ("422", "chelsea.png", (150, 200), {"quality": 90, "subsampling": 1}),
    ("444", "coffee.png", (199, 149), {"quality": 95, "subsampling": 0}),
    ("440", "rocket.jpg", (200, 131), {"simplejpeg": "440"}),
    ("411", "rocket.jpg", (131, 200), {"simplejpeg": "411"}),
    ("progressive", "motorcycle_left.png", (203, 151), {"quality": 85, "progressive": True}),
    ("grey", "astronaut.png", (180, 140), {"quality": 90, "mode": "L"}),
    ("inks", "coffee.png", (160, 120), {"quality": 90, "mode": "CMYK"}),
    ("restarts", "chelsea.png", (200, 150), {"quality": 80, "restart_marker_blocks": 3}),
    ("tiny", "astronaut.png", (7, 5), {"quality": 90}),
    ("large", "rocket.jpg", (640, 427), {"quality": 85, "subsampling": 2}),
)


def save(image, path, options):
    if "simplejpeg" in options:
        pixels = numpy.ascontiguousarray(image)
        path.write_bytes(simplejpeg.encode_jpeg(pixels, 90, "RGB", options["simplejpeg"]))
        return
    mode = options.get("mode", "RGB")
    image.convert(mode).save(path, "JPEG", **{key: value for key, value in options.items() if key != "mode"})


def crop_case(image, rng):
    """A box of the image resized to 64 x 48, mirrored in about half of the cases."""
    width, height = image.size
    wide = rng.randint(max(1, width // 4), width)
    high = rng.randint(max(1, height // 4), height)
    left, top = rng.randint(0, width - wide), rng.randint(0, height - high)
    flip = rng.random() < 0.5
    result = image.crop((left, top, left + wide, top + high)).resize((64, 48), Image.BILINEAR)
    if flip:
        result = result.transpose(Image.FLIP_LEFT_RIGHT)
    plan = {"left": left, "top": top, "width": wide, "height": high, "resizedWidth": 64, "resizedHeight": 48}
    window = {"windowLeft": 0, "windowTop": 0, "windowWidth": 64, "windowHeight": 48}
    return result, {**plan, **window, "flip": flip, "scaled": False}


def evaluation_case(image, size=56):
    """torchvision's Resize(64) and CenterCrop(56), word for word."""
    width, height = image.size
    short = 64
    new = (short, int(short * height / width)) if width <= height else (int(short * width / height), short)
    resized = image.resize(new, Image.BILINEAR)
    top, left = int(round((new[1] - size) / 2.0)), int(round((new[0] - size) / 2.0))
    result = resized.crop((left, top, left + size, top + size))
    plan = {"left": 0, "top": 0, "width": width, "height": height, "resizedWidth": new[0], "resizedHeight": new[1]}
    window = {"windowLeft": left, "windowTop": top, "windowWidth": size, "windowHeight": size}
    return result, {**plan, **window, "flip": False, "scaled": False}


def main():
    os.makedirs(FOLDER, exist_ok=True)
    rng = random.Random(20)
    cases = []
    for name, picture, size, options in FILES:
        image = Image.open(SHIPPED / picture).convert("RGB").resize(size, Image.LANCZOS)
        path = FOLDER / f"{name}.jpg"
        save(image, path, options)
        decoded = Image.open(path).convert("RGB")
        made = [crop_case(decoded, rng) for _ in range(2)]
        made.append(evaluation_case(decoded))
        for result, plan in made:
            cases.append({"file": path.name, "image": {"width": size[0], "height": size[1]}, "plan": plan})
            result.save(FOLDER / f"{len(cases) - 1}.png", optimize=True)
    (FOLDER / "cases.json").write_text(json.dumps({"pillow": PIL.__version__, "cases": cases}, indent=1) + "\n")


if __name__ == "__main__":
    main()
