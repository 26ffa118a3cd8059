"""Other loaders' images a second, as a resident process: a line of JSON in, a line of JSON out (docs/baselines.md).

python input_baseline.py <folder of pictures> <crops.json>
{"modes": true} -> {"modes": [...], "versions": {...}}
{"measure": mode, "set": name, "workers": n} -> {"images": n, "seconds": s}

Every mode decodes the same files, takes the same boxes ([left, top, width, height, mirrored] of crops.json), resizes to
224 x 224 and mirrors. A mode is run once before it is measured first. CIFAR's modes ignore set and workers.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from pathlib import Path

import numpy
import PIL
from PIL import Image, ImageOps

try:
    import torch
    from torch.utils.data import DataLoader, Dataset

    torch.set_num_threads(1)
except ImportError:
    torch = None
try:
    import cv2
    import simplejpeg

    cv2.setNumThreads(1)
except ImportError:
    simplejpeg = None

SIDE = 224
BATCH = 64
CIFAR_IMAGES = 51_200
CIFAR_BATCH = 128
MEAN = numpy.array([0.485, 0.456, 0.406], dtype=numpy.float32)
STD = numpy.array([0.229, 0.224, 0.225], dtype=numpy.float32)


def pillow_crop(file, box):
    left, top, width, height, mirrored = box
    image = Image.open(file).convert("RGB").crop((left, top, left + width, top + height))
    image = image.resize((SIDE, SIDE), Image.BILINEAR)
    return image.transpose(Image.FLIP_LEFT_RIGHT) if mirrored else image


def simplejpeg_crop(file, box):
    left, top, width, height, mirrored = box
    pixels = simplejpeg.decode_jpeg(Path(file).read_bytes(), "RGB")
    pixels = cv2.resize(pixels[top : top + height, left : left + width], (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    return cv2.flip(pixels, 1) if mirrored else pixels


def to_float(image):
    """torchvision's ToTensor and Normalize."""
    pixels = torch.from_numpy(numpy.array(image)).permute(2, 0, 1).contiguous().float().div_(255)
    return pixels.sub_(torch.from_numpy(MEAN)[:, None, None]).div_(torch.from_numpy(STD)[:, None, None])


if torch is not None:

    class Pictures(Dataset):
        """As a torchvision ImageFolder with RandomResizedCrop and RandomHorizontalFlip, the numbers given."""

        def __init__(self, files, crops, floats):
            self.files, self.crops, self.floats = files, crops, floats

        def __len__(self):
            return len(self.crops)

        def __getitem__(self, index):
            image = pillow_crop(self.files[index % len(self.files)], self.crops[index])
            return to_float(image) if self.floats else torch.from_numpy(numpy.array(image))


def loop_share(work, files, crops, share, workers, done):
    target = numpy.empty((BATCH, SIDE, SIDE, 3), dtype=numpy.uint8)
    for index in range(share, len(crops), workers):
        target[index % BATCH] = work(files[index % len(files)], crops[index])
    if done is not None:
        done.put(share)


def loop_seconds(work, files, crops, workers):
    """Plain loops, one process a worker, without what a loader adds: the most that the library gives."""
    if workers == 1:
        began = time.perf_counter()
        loop_share(work, files, crops, 0, 1, None)
        return time.perf_counter() - began
    context = multiprocessing.get_context("fork")
    done = context.Queue()
    processes = [
        context.Process(target=loop_share, args=(work, files, crops, share, workers, done)) for share in range(workers)
    ]
    began = time.perf_counter()
    for process in processes:
        process.start()
    for _ in processes:
        done.get()
    seconds = time.perf_counter() - began
    for process in processes:
        process.join()
    return seconds


class Loaders:
    """DataLoaders with persistent workers, one for each mode, set and number of workers."""

    def __init__(self):
        self.known = {}

    def seconds(self, files, crops, floats, name, workers):
        key = (floats, name, workers)
        if key not in self.known:
            data = Pictures(files, crops, floats)
            self.known[key] = DataLoader(data, batch_size=BATCH, num_workers=workers, persistent_workers=True)
            self.run(self.known[key])
        return self.run(self.known[key])

    @staticmethod
    def run(loader):
        began = time.perf_counter()
        images = sum(len(batch) for batch in loader)
        assert images == len(loader.dataset)
        return time.perf_counter() - began


def decode_whole(file, _):
    simplejpeg.decode_jpeg(Path(file).read_bytes(), "RGB")
    return 0


def cifar_numpy(images, random, target):
    """Vectorised over the batch: pad, a view of all windows, one gather, flips; uint8 in, uint8 out."""
    for first in range(0, CIFAR_IMAGES, CIFAR_BATCH):
        batch = images[first % len(images) :][:CIFAR_BATCH]
        padded = numpy.pad(batch, ((0, 0), (4, 4), (4, 4), (0, 0)))
        windows = numpy.lib.stride_tricks.sliding_window_view(padded, (32, 32), axis=(1, 2))
        rows, columns = random.integers(0, 9, (2, CIFAR_BATCH))
        crops = windows[numpy.arange(CIFAR_BATCH), rows, columns].transpose(0, 2, 3, 1)
        mirrored = random.random(CIFAR_BATCH) < 0.5
        target[:] = crops
        target[mirrored] = target[mirrored, :, ::-1]


def cifar_pillow(images, random, _):
    """torchvision's RandomCrop(32, padding=4), RandomHorizontalFlip, ToTensor and Normalize, image by image."""
    for first in range(0, CIFAR_IMAGES // 8, CIFAR_BATCH):
        batch = []
        for pixels in images[first % len(images) :][:CIFAR_BATCH]:
            image = ImageOps.expand(Image.fromarray(pixels), 4)
            left, top = random.integers(0, 9, 2)
            image = image.crop((left, top, left + 32, top + 32))
            if random.random() < 0.5:
                image = image.transpose(Image.FLIP_LEFT_RIGHT)
            batch.append(to_float(image))
        torch.stack(batch)


def cifar_seconds(work, images):
    random = numpy.random.default_rng(1)
    target = numpy.empty((CIFAR_BATCH, 32, 32, 3), dtype=numpy.uint8)
    began = time.perf_counter()
    work(images, random, target)
    return time.perf_counter() - began


def main(folder, crops_file):
    crops_of = json.loads(Path(crops_file).read_text())
    files_of = {name: sorted(map(str, (Path(folder) / name).glob("*.jpg"))) for name in crops_of}
    loaders = Loaders()
    cifar = numpy.random.default_rng(0).integers(0, 256, (5 * CIFAR_BATCH, 32, 32, 3), dtype=numpy.uint8)
    modes = {"pillow": lambda name, workers: loop_seconds(pillow_crop, files_of[name], crops_of[name], workers)}
    if torch is not None:
        for mode, floats in (("dataloader-float", True), ("dataloader-uint8", False)):
            modes[mode] = lambda name, workers, floats=floats: loaders.seconds(
                files_of[name], crops_of[name], floats, name, workers
            )
        modes["cifar-torchvision-like"] = lambda *_: 8 * cifar_seconds(cifar_pillow, cifar)
        modes["cifar-numpy"] = lambda *_: cifar_seconds(cifar_numpy, cifar)
    if simplejpeg is not None:
        for mode, work in (("simplejpeg-cv2", simplejpeg_crop), ("libjpeg-turbo-decode", decode_whole)):
            modes[mode] = lambda name, workers, work=work: loop_seconds(work, files_of[name], crops_of[name], workers)
    versions = {"python": sys.version.split()[0], "pillow": PIL.__version__, "numpy": numpy.__version__}
    if torch is not None:
        versions["torch"] = torch.__version__
    if simplejpeg is not None:
        versions["simplejpeg"] = simplejpeg.__version__
        versions["opencv"] = cv2.__version__
    warm = set()
    for line in sys.stdin:
        request = json.loads(line)
        if "modes" in request:
            reply = {"modes": sorted(modes), "versions": versions}
        else:
            mode, name, workers = request["measure"], request.get("set"), request.get("workers")
            if (mode, name, workers) not in warm:
                warm.add((mode, name, workers))
                modes[mode](name, workers)
            images = CIFAR_IMAGES if mode.startswith("cifar") else len(crops_of[name])
            reply = {"images": images, "seconds": modes[mode](name, workers)}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
