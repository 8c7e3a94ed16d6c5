"""Sources for the measures: tars as img2dataset writes them, of any number of pictures."""

import io
import json
import pathlib
import tarfile

import numpy as np
from PIL import Image

from data_pipelines.words.train import train_pieces

DIFFERENT = 200  # pictures; the others are these again, under other names and texts
IN_TAR = 1000


def tars(folder, count, side) -> str:
    """The pattern of tars that hold `count` examples with JPEGs of side x side."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    pictures = [jpeg(side, seed) for seed in range(min(count, DIFFERENT))]
    for first in range(0, count, IN_TAR):
        with tarfile.open(folder / f"{first // IN_TAR:05d}.tar", "w") as archive:
            for number in range(first, min(first + IN_TAR, count)):
                for name, data in example(number, pictures[number % len(pictures)]).items():
                    _add(archive, name, data)
    return f"{folder}/*.tar"


def example(number, picture, caption="") -> dict[str, bytes]:
    """The files of one example."""
    caption = caption or f"picture {number} of something red beside {number % 97} others"
    about = dict(caption=caption, key=f"{number:09d}", status="success", width=1, height=1)
    return {
        f"{number:09d}.jpg": picture,
        f"{number:09d}.json": json.dumps(about).encode(),
        f"{number:09d}.txt": caption.encode(),
    }


def jpeg(side, seed) -> bytes:
    """A picture of soft shapes and grain, which takes about as many bytes as a photograph."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (max(2, side // 24),) * 2 + (3,), np.uint8))
    soft = np.asarray(small.resize((side, side), Image.Resampling.BICUBIC), np.int16)
    grainy = np.clip(soft + rng.normal(0, 9, soft.shape), 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(grainy).save(out, "JPEG", quality=90)
    return out.getvalue()


def words(file) -> str:
    """A vocabulary, so that learning one is not measured; its path."""
    pathlib.Path(file).write_bytes(train_pieces(["picture of something red beside others"] * 9, 40))
    return str(file)


def _add(archive, name, data):
    about = tarfile.TarInfo(name)
    about.size = len(data)
    archive.addfile(about, io.BytesIO(data))
