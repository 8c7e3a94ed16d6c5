"""Odd pictures on every road: into a data set, into scores, and before a model."""

import io
import os

import numpy as np
from PIL import Image

from benchmarks.inputs.trial import Trial, call
from data_pipelines import build, images, pictures
from data_pipelines.folder import Report
from data_pipelines.records import Records, read_info

SIDE = 16
LOSSLESS = ("PNG", "TIFF")
TURNED = {1: 0, 3: 2, 6: 3, 8: 1}  # EXIF orientation: quarter turns that undo it, anticlockwise


class Photo:
    """A picture as a file: its bytes, and the pixels that are meant; None: it is unsound."""

    def __init__(self, data, pixels, suffix):
        self.data, self.pixels, self.suffix = data, pixels, suffix


def _saved(image, form, **options):
    out = io.BytesIO()
    image.save(out, format=form, **options)
    return out.getvalue()


def _form(rng):
    return str(rng.choice(LOSSLESS))


def sound(rng, gray, colour):
    """8 bits, three channels."""
    form = str(rng.choice(["PNG", "TIFF", "BMP", "PPM"]))
    return Photo(_saved(Image.fromarray(colour), form), colour, form.lower())


def light(rng, gray, colour):
    """8 bits, one channel."""
    form = str(rng.choice(["PNG", "TIFF", "BMP", "GIF"]))
    return Photo(_saved(Image.fromarray(gray), form), _three(gray), form.lower())


def sixteen(rng, gray, colour):
    """16 bits: 0 to 65,535 are black to white."""
    deep = gray.astype(np.uint16) * 257
    form = _form(rng)
    return Photo(_saved(Image.fromarray(deep), form), _three(gray), form.lower())


def floats(rng, gray, colour):
    """Floats from 0 to 1."""
    shares = gray.astype(np.float32) / 255
    return Photo(_saved(Image.fromarray(shares), "TIFF"), _three(gray), "tif")


def black_and_white(rng, gray, colour):
    """1 bit."""
    bits = gray >= 128
    image = Image.fromarray(bits)
    form = _form(rng)
    return Photo(_saved(image, form), _three(np.where(bits, 255, 0).astype(np.uint8)), form.lower())


def transparent(rng, gray, colour):
    """Seen through: white is behind it."""
    clear = rng.random(gray.shape) < 0.5
    alpha = np.where(clear, 0, 255).astype(np.uint8)
    image = Image.fromarray(np.dstack([colour, alpha]))
    pixels = np.where(clear[..., None], 255, colour).astype(np.uint8)
    return Photo(_saved(image, "PNG"), pixels, "png")


def palette(rng, gray, colour):
    """Colours by number, one of which is seen through."""
    index = rng.integers(0, 4, gray.shape).astype(np.uint8)
    table = rng.integers(0, 256, (4, 3)).astype(np.uint8)
    image = Image.frombytes("P", index.shape[::-1], index.tobytes())
    image.putpalette(table.ravel().tolist())
    pixels = np.where(index[..., None] == 2, 255, table[index]).astype(np.uint8)
    return Photo(_saved(image, "PNG", transparency=2), pixels, "png")


def turned(rng, gray, colour):
    """Lies on its side and says so."""
    tag = int(rng.choice(list(TURNED)))
    exif = Image.Exif()
    exif[0x0112] = tag
    data = _saved(Image.fromarray(colour), "PNG", exif=exif)
    return Photo(data, np.rot90(colour, TURNED[tag]), "png")


def odd_exif(rng, gray, colour):
    """Metadata that is no metadata; the pixels are sound."""
    rest = rng.integers(0, 256, rng.integers(1, 40)).astype(np.uint8).tobytes()
    data = _saved(Image.fromarray(colour), "PNG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01" + rest)
    return Photo(data, colour, "png")


def mislabelled(rng, gray, colour):
    """The suffix of another format."""
    return Photo(_saved(Image.fromarray(colour), "PNG"), colour, "jpg")


def capitals(rng, gray, colour):
    """A suffix in capitals."""
    return Photo(_saved(Image.fromarray(colour), "PNG"), colour, "PNG")


def other_suffix(rng, gray, colour):
    """A suffix that is seldom, or none."""
    suffix = str(rng.choice(["jfif", "tiff", "dib", "image", ""]))
    return Photo(_saved(Image.fromarray(colour), "PNG"), colour, suffix)


def cut(rng, gray, colour):
    """The first part of a file."""
    data = _saved(Image.fromarray(colour), "PNG")
    return Photo(data[: rng.integers(0, len(data) - 30)], None, "png")


def noise(rng, gray, colour):
    """Bytes that are no picture."""
    data = rng.integers(0, 256, rng.integers(1, 500)).astype(np.uint8).tobytes()
    return Photo(data, None, str(rng.choice(["png", "jpg", "tif", "gif", "webp", "bmp"])))


def header_alone(rng, gray, colour):
    """A file that begins as a picture and goes on as noise."""
    form = str(rng.choice(["PNG", "TIFF", "GIF", "WEBP", "JPEG", "BMP", "PPM"]))
    data = _saved(Image.fromarray(colour), form)
    rest = rng.integers(0, 256, 200).astype(np.uint8).tobytes()
    return Photo(data[: rng.integers(4, 24)] + rest, None, form.lower())


def huge(rng, gray, colour):
    """A small file that says it is a picture of 40,000 by 40,000."""
    import struct
    import zlib

    def chunk(kind, body):
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99))
    return Photo(data + chunk(b"IEND", b""), None, "png")


def _three(gray):
    return np.repeat(gray[..., None], 3, axis=2)


ODD = (
    sound, light, sixteen, floats, black_and_white, transparent, palette, turned, odd_exif,
    mislabelled, capitals, other_suffix, cut, noise, header_alone, huge,
)  # fmt: skip


def trial(rng, words) -> Trial:
    """One odd picture on one road. words: a vocabulary's file."""
    gray = rng.integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
    colour = rng.integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    odd = ODD[rng.integers(len(ODD))]
    photo = odd(rng, gray, colour)
    road = ROADS[rng.integers(len(ROADS))]
    named = () if photo.pixels is not None else ("odd", "picture")

    def act(folder):
        place = folder / "pictures"
        place.mkdir()
        Image.fromarray(colour[::-1]).save(place / "beside.png")
        (place / f"odd.{photo.suffix}".rstrip(".")).write_bytes(photo.data)
        return road(place, folder, words)

    return Trial(f"{odd.__name__} ({road.__name__})", act, lambda got: fault(got, photo), named)


def built(place, folder, words):
    """-> ({name: pixels}, what was skipped) of a data set."""
    rows = "".join(f"{name},a text\n" for name in sorted(os.listdir(place)))
    (folder / "c.csv").write_text("file,caption\n" + rows)
    call(
        build.main, "--from=folder", f"--images={place}", f"--captions={folder}/c.csv",
        f"--out={folder}/out", f"--vocabulary={words}",
    )  # fmt: skip
    records = [r for split in read_info(folder / "out")["splits"]
               for r in Records(folder / "out", split)]  # fmt: skip
    report = (folder / "out/report.json").read_text()
    return {record.key: images.decode(record.image) for record in records}, report


def scored(place, folder, words):
    """The same of a folder whose pictures are scored."""
    report = Report()
    source = pictures.find(str(place))
    names = iter([name for name, _ in source.files])
    got, read = {}, source.read(report)
    skipped = lambda name: any(name in entry["first"] for entry in report.summary().values())
    for pixels in read:
        name = next(name for name in names if not skipped(name))
        got[name] = pixels
    return got, str(report.summary())


ROADS = (built, scored)


def fault(got, photo) -> str:
    """What is wrong with the pictures that came out, or ""."""
    pixels, told = got
    found = next((pixels[name] for name in pixels if name.startswith("odd")), None)
    if not any(name.startswith("beside") for name in pixels):
        return "the sound picture beside it is lost"
    if found is None:
        if photo.pixels is not None:
            return f"a sound picture is left out ({told})"
        return "" if "odd" in told else "it is left out and nothing is told of it"
    if photo.pixels is None:
        return ""  # what can be decoded is a picture
    if found.shape != photo.pixels.shape or np.abs(found.astype(int) - photo.pixels).max() > 1:
        return f"other pixels: {found[0, :3].tolist()}, not {photo.pixels[0, :3].tolist()}"
    return ""
