"""Writes test/fixtures/augmentation.json: what torchvision makes of Pillow images, by each operation of each policy at each strength.

python scripts/pillow/write_augmentation_fixtures.py    (needs pillow, numpy, torch and torchvision)
"""

import base64
import json
import zlib
from pathlib import Path

import numpy
import PIL
import torch
import torchvision
from PIL import Image
from torchvision.transforms import InterpolationMode
from torchvision.transforms import autoaugment

FIXTURES = Path(__file__).resolve().parents[2] / "test" / "fixtures"


def images():
    """Two photographs, and images at which the tables of AutoContrast and Equalize meet their borders."""
    photograph = Image.open(FIXTURES / "crops" / "2.png").convert("RGB")
    yield "square", photograph.crop((12, 10, 44, 42))
    yield "wide", Image.open(FIXTURES / "crops" / "0.png").convert("RGB")
    yield "even", Image.new("RGB", (9, 7), (200, 0, 255))
    yield "tiny", photograph.crop((20, 20, 22, 22))
    # 529 pixels, 20 of them the lightest: Equalize has steps of 1, and sums above 255.
    few = numpy.full((23, 23, 3), 30, numpy.uint8)
    few.reshape(-1, 3)[200:509] = (90, 31, 250)
    few.reshape(-1, 3)[509:] = (91, 255, 251)
    yield "few", Image.fromarray(few)


def checksums(image, name, magnitudes, signed):
    """CRC-32 of the resulting bytes: by sign (one where there is none), then by bin."""
    values = magnitudes.tolist() if magnitudes.ndim > 0 else [0.0]
    signs = (1.0, -1.0) if signed else (1.0,)

    def one(magnitude):
        result = autoaugment._apply_op(image, name, magnitude, interpolation=InterpolationMode.NEAREST, fill=None)
        return zlib.crc32(result.tobytes())

    return [[one(float(value) * sign) for value in values] for sign in signs]


def main():
    auto = autoaugment.AutoAugment()
    spaces = {
        "trivial": lambda size: autoaugment.TrivialAugmentWide()._augmentation_space(31),
        "rand": lambda size: autoaugment.RandAugment()._augmentation_space(31, size),
        "auto": lambda size: auto._augmentation_space(10, size),
    }
    cases = []
    for title, image in images():
        policies = {}
        for policy, space in spaces.items():
            policies[policy] = {
                name: {
                    "magnitudes": magnitudes.tolist() if magnitudes.ndim > 0 else [],
                    "signed": signed,
                    "checksums": checksums(image, name, magnitudes, signed),
                }
                for name, (magnitudes, signed) in space((image.height, image.width)).items()
            }
        pixels = base64.b64encode(image.tobytes()).decode()
        cases.append({"title": title, "width": image.width, "height": image.height, "pixels": pixels, "policies": policies})
    kinds = autoaugment.AutoAugmentPolicy
    sub_policies = {f"auto-{kind.value}": auto._get_policies(kind) for kind in kinds}
    versions = {"torchvision": torchvision.__version__, "torch": torch.__version__, "pillow": PIL.__version__}
    content = {**versions, "subPolicies": sub_policies, "images": cases}
    (FIXTURES / "augmentation.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
