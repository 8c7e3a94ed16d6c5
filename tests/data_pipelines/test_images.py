"""A picture means the same pixels in whatever form it was stored; any fault is one of few kinds."""

import io
import os
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageFile, ImageOps

from data_pipelines import images
from data_pipelines.images import Unreadable

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # as images itself does

RNG = np.random.default_rng(0)
RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)
DEEP = RAMP.astype(np.uint16) * 257  # the same of 16 bits
GREY = np.repeat(RAMP[..., None], 3, axis=2)
PIXELS = RNG.integers(0, 256, (4, 6, 3)).astype(np.uint8)


def stored(picture, form="PNG", **more):
    """Bytes of a PIL picture or an array."""
    out = io.BytesIO()
    image = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
    image.save(out, form, **more)
    return out.getvalue()


def pgm(values):
    """A PGM of 16 bits, which Pillow opens in mode I."""
    return b"P5 16 16 65535\n" + values.astype(">u2").tobytes()


def of_12_bits(values):
    """A TIFF whose white is 4095, by hand: Pillow writes none. Two values in three bytes."""
    packed = bytearray()
    for a, b in values.astype(int).reshape(-1, 2):
        packed += bytes([a >> 4, (a & 15) << 4 | b >> 8, b & 255])
    tags = [(256, 16), (257, 16), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1), (278, 16)]
    tags.append((279, len(packed)))
    where = 8 + len(packed)
    rows = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    head, count = b"II*\0" + struct.pack("<I", where), struct.pack("<H", len(tags))
    return head + packed + count + rows + bytes(4)


GREYS = {
    "8 bits": stored(RAMP),
    "colour": stored(GREY),
    "palette": stored(Image.fromarray(RAMP).convert("P")),
    "inks": stored(Image.fromarray(GREY).convert("CMYK"), "TIFF"),
    "opaque": stored(Image.fromarray(GREY).convert("RGBA")),
    "16 bits": stored(DEEP),
    "16 bits, high byte first": stored(Image.fromarray(DEEP.astype(">u2")), "TIFF"),
    "16 bits of TIFF": stored(DEEP, "TIFF"),
    "16 bits, white is 0": stored(65535 - DEEP, "TIFF", tiffinfo={262: 0}),
    "16 bits of PGM": pgm(DEEP),
    "12 bits": of_12_bits(DEEP >> 4),
    "32 bits that hold 16": stored(DEEP.astype(np.int32), "TIFF"),
    "floats": stored((RAMP / 255).astype(np.float32), "TIFF"),
}


@pytest.mark.parametrize("form", GREYS)
def test_the_same_greys_give_the_same_pixels_in_every_depth(form):
    np.testing.assert_array_equal(images.decode(GREYS[form]), GREY)


def test_grey_of_16_bits_is_read_as_colour_of_16_bits_is():
    """Any values, also those that no 8 bits were spread to. PNG by hand: Pillow writes none."""
    import zlib

    values = RNG.integers(0, 2**16, (16, 16)).astype(">u2")
    chunk = lambda name, data: (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    )
    rows = np.repeat(values[..., None], 3, axis=2)
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", 16, 16, 16, 2, 0, 0, 0)
    colour = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data))
    colour += chunk(b"IEND", b"")
    grey = stored(values.astype(np.uint16))
    np.testing.assert_array_equal(images.decode(grey), images.decode(colour))


@pytest.mark.parametrize(
    "values, found",
    [
        (np.full((2, 2), 255.0, np.float32), "255 to 255, and 0 is black and 1 white"),
        (np.full((2, 2), np.nan, np.float32), "nan to nan, and 0 is black and 1 white"),
        (np.full((2, 2), 2**16, np.int32), "65536 to 65536, and 0 is black and 65535 white"),
        (np.full((2, 2), -1, np.int32), "-1 to -1, and 0 is black and 65535 white"),
    ],
)
def test_values_of_which_none_says_what_is_white_are_told(values, found):
    with pytest.raises(Unreadable) as fault:
        images.decode(stored(values, "TIFF"))
    assert (fault.value.reason, fault.value.found) == (images.NO_SCALE, found)


def clear(mode):
    """A picture whose left half is transparent black and whose right half is solid red or grey."""
    image = Image.new("RGBA", (4, 2), (0, 0, 0, 0))
    image.paste((90, 90, 90, 255), (2, 0, 4, 2))
    return image.convert("LA").convert("La") if mode == "La" else image.convert(mode)


def keyed(mode, key, solid):
    image = Image.new(mode, (4, 2), key)
    image.paste(solid, (2, 0, 4, 2))
    return stored(image, transparency=key)


@pytest.mark.parametrize(
    "data",
    [
        *(stored(clear(mode)) for mode in ("RGBA", "LA")),
        stored(clear("RGBA").quantize(4)),  # a palette with the transparency of each colour
        stored(clear("RGBA"), "GIF"),
        stored(clear("RGBA"), "TIFF"),
        stored(clear("RGBA"), "WEBP", lossless=True),
        keyed("L", 7, 90),
        keyed("RGB", (1, 2, 3), (90, 90, 90)),
        keyed("I;16", 7, 90 * 257),
    ],
)
def test_what_is_transparent_lies_on_white(data):
    found = images.decode(data)
    assert (found[:, :2] == 255).all() and (found[:, 2:] == 90).all()


@pytest.mark.parametrize("mode", ["La", "RGBa", "PA"])
def test_modes_that_no_file_has_lie_on_white_too(mode):
    found = np.asarray(images.on_white(clear(mode)))
    assert (found[:, :2] == 255).all() and (found[:, 2:] == 90).all()


# ---- metadata ----------------------------------------------------------------------------------


def exif(orientation):
    tags = Image.Exif()
    tags[ExifTags.Base.Orientation] = orientation
    return tags.tobytes()


def odd_exif(orientation):
    """The same beside XResolution = -1/0."""
    rows = struct.pack(">HHIHH", ExifTags.Base.Orientation, 3, 1, orientation, 0)
    rows += struct.pack(">HHII", ExifTags.Base.XResolution, 10, 1, 38)
    head = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 2)
    return head + rows + bytes(4) + struct.pack(">ii", -1, 0)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "JPEG"])
@pytest.mark.parametrize("orientation", range(10))
def test_pictures_are_turned_upright_as_pillow_turns_them(form, orientation):
    more = {"lossless": True} if form == "WEBP" else {}
    data = stored(PIXELS, form, exif=exif(orientation), **more)
    with Image.open(io.BytesIO(data)) as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    np.testing.assert_array_equal(images.decode(data), expected)


def test_a_photo_with_a_division_by_nought_in_its_metadata_is_turned_upright():
    data = stored(PIXELS, exif=odd_exif(6))
    with pytest.raises(Exception), Image.open(io.BytesIO(data)) as opened:  # noqa: B017
        ImageOps.exif_transpose(opened)
    np.testing.assert_array_equal(images.decode(data), np.rot90(PIXELS, -1))


def test_a_picture_is_turned_once_however_often_it_is_read():
    once = images.upright(stored(PIXELS, exif=exif(6)))
    np.testing.assert_array_equal(images.on_white(once), once)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80), st.sampled_from([b"MM\0*\0\0\0\x08", b"II*\0\x08\0\0\0", b""]))
def test_no_metadata_loses_a_picture(metadata, head):
    found = images.decode(stored(PIXELS, exif=b"Exif\0\0" + head + metadata))
    assert sorted(found.ravel()) == sorted(PIXELS.ravel())


# ---- faults ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [struct.error("x"), ZeroDivisionError(), KeyError(1), MemoryError(), RecursionError(),
     SystemError("x"), TypeError(), AssertionError(), NotImplementedError(), EOFError()],
)  # fmt: skip
def test_whatever_a_decoder_raises_is_a_broken_picture(error, monkeypatch):
    def load(image):
        raise error

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(Unreadable, match=type(error).__name__) as fault:
        images.decode(stored(PIXELS))
    assert fault.value.reason == images.BROKEN


FORMS = [stored(np.tile(PIXELS, (5, 5, 1)), form) for form in
         ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "PPM", "JPEG2000", "PCX")]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(FORMS), st.data())
def test_harmed_bytes_of_any_form_are_pixels_or_one_fault(data, draw):
    harmed = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        harmed[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    cut = draw.draw(st.one_of(st.just(len(data)), st.integers(0, len(data))))
    try:
        found = images.decode(bytes(harmed[:cut]))
    except Unreadable as fault:
        assert fault.reason in (images.BROKEN, images.NO_IMAGE, images.TOO_LARGE, images.NO_SCALE)
    else:
        assert found.dtype == np.uint8 and found.shape[2:] == (3,)


def test_bytes_of_something_else_are_no_image():
    for data in (b"", b"file\tcaption\n", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"):
        with pytest.raises(Unreadable, match=images.NO_IMAGE):
            images.decode(data)


@pytest.mark.parametrize("pillows", [10**9, 250, 100])  # it may warn or raise before we look
def test_a_picture_that_unfolds_to_too_much_is_told_by_its_size_and_never_decoded(
    pillows, monkeypatch, recwarn
):
    data = stored(Image.new("1", (20, 16)))
    monkeypatch.setattr(images, "MOST_PIXELS", 300)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pillows)
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: pytest.fail("decoded"))
    with pytest.raises(Unreadable) as fault:
        images.decode(data)
    assert str(fault.value) == "image too large (320 pixels, and at most 300 are read)"
    monkeypatch.undo()
    assert images.decode(data).shape == (16, 20, 3)


def test_only_plain_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "device.png").symlink_to("/dev/zero")
    (tmp_path / "folder.png").mkdir()
    for name in ("pipe.png", "device.png", "folder.png"):
        with pytest.raises(Unreadable, match=images.NO_FILE):
            images.read(tmp_path / name)
    with pytest.raises(Unreadable, match="cannot be read .No such file"):
        images.read(tmp_path / "none.png")


def test_a_file_that_is_too_long_is_told_and_not_read(tmp_path):
    with open(tmp_path / "x.png", "wb") as file:
        file.truncate(2**40)  # a hole
    with pytest.raises(Unreadable, match="image too large .1,099,511,627,776 bytes"):
        images.read(tmp_path / "x.png")


def test_pictures_are_cut_to_their_middle_square():
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 255
    assert images.decode(stored(wide), 10).min() == 255
    np.testing.assert_array_equal(images.decode(images.encode_png(wide)), wide)
