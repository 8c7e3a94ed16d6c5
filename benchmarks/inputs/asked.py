"""Odd pictures and texts before a trained run: does it get what was meant?"""

import numpy as np
from PIL import Image

from benchmarks.inputs import photos, tables
from benchmarks.inputs.trial import Trial, call
from itit_jax.serve import cli

TEXT = "a red dog"


def pictured(rng, session) -> Trial:
    """An odd file is captioned as its pixels are."""
    gray = rng.integers(0, 256, (photos.SIDE,) * 2).astype(np.uint8)
    colour = rng.integers(0, 256, (photos.SIDE, photos.SIDE, 3)).astype(np.uint8)
    odd = photos.ODD[rng.integers(len(photos.ODD))]
    photo = odd(rng, gray, colour)
    file = f"odd.{photo.suffix}".rstrip(".")

    def act(folder):
        (folder / file).write_bytes(photo.data)
        plain = colour if photo.pixels is None else np.ascontiguousarray(photo.pixels)
        Image.fromarray(plain).save(folder / "plain.png")
        said = call(
            cli.main, "caption", folder / file, folder / "plain.png",
            f"--workdir={session.trained.folder}",
        )  # fmt: skip
        return [line.rpartition(": ")[2] for line in said.splitlines()]

    def fault(got):
        if photo.pixels is None:
            return ""  # what can be decoded is a picture
        return "" if got[0] == got[1] else f"captioned as {got[0]!r}, the same in 8 bits {got[1]!r}"

    named = () if photo.pixels is not None else (file,)
    return Trial(f"{odd.__name__} (captioned)", act, fault, named)


def array(rng, session) -> Trial:
    """A picture as an array of another kind is refused or means the same."""
    pixels = rng.integers(0, 256, (photos.SIDE, photos.SIDE, 3)).astype(np.uint8)
    kinds = {
        "uint8": (pixels, True), "gray": (pixels[..., 0], True), "one": (pixels, True),
        "floats": (pixels / 255, None), "int64": (pixels.astype(np.int64), None),
        "nan": (np.full(pixels.shape, np.nan), False), "flat": (pixels.ravel(), False),
        "empty": (pixels[:0], False), "none": (None, False), "text": ("x", False),
        "planes": (pixels.transpose(2, 0, 1), None),
    }  # fmt: skip
    kind = str(rng.choice(list(kinds)))
    value, sound = kinds[kind]
    plain = np.repeat(value[..., None], 3, axis=2) if kind == "gray" else pixels
    act = lambda folder: session.caption(value if kind == "one" else [value])
    wanted = lambda: session.caption([plain])

    def fault(got):
        if sound is False:
            return f"{kind} is captioned"
        return "" if got == wanted() else f"{kind} is captioned as {got}, not {wanted()}"

    words = ("picture", "array", "pixel")
    return Trial(f"array: {kind}", act, fault, () if sound else words)


def text(rng, session) -> Trial:
    """A text of another kind is refused or means the same."""
    kinds = {
        "one": (TEXT, True), "list": ([TEXT], True), "tuple": ((TEXT,), True),
        "words": (tables.sentence(rng, 4), True), "empty": ("", False), "space": ([" \t"], False),
        "none": (None, False), "list of none": ([None], False), "number": ([7], False),
        "bytes": ([b"a"], False), "long": ([TEXT * 200], False), "nested": ([[TEXT]], False),
    }  # fmt: skip
    kind = str(rng.choice(list(kinds)))
    value, sound = kinds[kind]
    act = lambda folder: session.draw(value)

    def fault(got):
        wanted = session.draw([value] if isinstance(value, str) else list(value))
        if not sound:
            return f"{kind} is drawn"
        same = len(got) == len(wanted) == 1 and np.array_equal(got[0], wanted[0])
        return "" if same else f"{kind} is drawn as {len(got)} other pictures"

    return Trial(f"text: {kind}", act, fault, () if sound else ("text", "prompt"))


def trial(rng, session) -> Trial:
    """One odd thing that a run is asked."""
    return (pictured, array, text)[rng.integers(3)](rng, session)
