"""Makes the pictures of `npm run bench:input`: python make_pictures.py <folder>.

Crops of the photographs that scikit-image ships, scaled with Lanczos, with as much luminance noise (as a sensor has)
as gives each file the bytes that photographs of its size have: ImageNet's 500 x 375 about 97 KB.
Writes <folder>/<set>/<number>.jpg and, last of all, <folder>/pictures.json.
"""

import io
import json
import os
import sys

import numpy
import PIL
import skimage
from PIL import Image

SOURCES = ("astronaut.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")

# name, pictures, (width, height) of a landscape, quality, bytes wanted, share of 4:4:4 (the others are 4:2:0)
SETS = (
    ("500x375", 300, (500, 375), 95, 97_000, 0.2),
    ("short-side-256", 300, (341, 256), 90, 27_000, 0.0),
    ("2000x1500", 60, (2000, 1500), 90, 618_000, 0.0),
)


def encode(pixels, noise, sigma, quality, subsampling):
    noisy = numpy.clip(pixels + sigma * noise[..., None], 0, 255).astype(numpy.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noisy).save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    return buffer.getvalue()


def picture(random, sources, size, quality, wanted, share444):
    source = sources[random.integers(len(sources))]
    width, height = size if random.random() < 0.8 else size[::-1]
    # A crop of the picture's shape, half to all of what the source has room for.
    fit = min(source.width / width, source.height / height) * (0.5 + 0.5 * random.random())
    wide, high = width * fit, height * fit
    left = random.random() * (source.width - wide)
    top = random.random() * (source.height - high)
    scaled = source.resize((width, height), Image.LANCZOS, box=(left, top, left + wide, top + high))
    pixels = numpy.asarray(scaled, dtype=numpy.float32)
    noise = random.standard_normal(pixels.shape[:2], dtype=numpy.float32)
    subsampling = 0 if random.random() < share444 else 2
    low, high = 0.0, 24.0
    data = b""
    for _ in range(7):
        sigma = (low + high) / 2
        data = encode(pixels, noise, sigma, quality, subsampling)
        if len(data) < wanted:
            low = sigma
        else:
            high = sigma
    return data


def main(folder):
    shipped = os.path.join(os.path.dirname(skimage.__file__), "data")
    sources = [Image.open(os.path.join(shipped, name)).convert("RGB") for name in SOURCES]
    random = numpy.random.default_rng(6)
    report = {"pillow": PIL.__version__, "scikit-image": skimage.__version__, "sets": {}}
    for name, count, size, quality, wanted, share444 in SETS:
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        lengths = []
        for number in range(count):
            data = picture(random, sources, size, quality, wanted, share444)
            with open(os.path.join(folder, name, f"{number:03d}.jpg"), "wb") as file:
                file.write(data)
            lengths.append(len(data))
        report["sets"][name] = {"pictures": count, "meanBytes": round(sum(lengths) / count), "quality": quality}
    with open(os.path.join(folder, "pictures.json"), "w") as file:
        json.dump(report, file, indent=2)


if __name__ == "__main__":
    main(sys.argv[1])
