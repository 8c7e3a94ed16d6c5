"""Sample sheets: rows of pictures with their texts beside them, for the eye."""

import textwrap

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIDE = 96  # pixels of a picture on the sheet
GAP = 8
TEXT_WIDTH = 300
HEAD = 22
CHARACTERS = 44  # of a line of text


def draw_sheet(pictures, texts):
    """pictures {column: uint8 [n, h, w, 3]}, texts {column: n strings} -> PIL picture.

    One row an example: its pictures side by side, then its texts, each under its heading.
    """
    rows = len(next(iter(pictures.values())))
    width = GAP + len(pictures) * (SIDE + GAP) + (TEXT_WIDTH if texts else 0)
    sheet = Image.new("RGB", (width, HEAD + rows * (SIDE + GAP) + GAP), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default()
    for column, (name, images) in enumerate(pictures.items()):
        left = GAP + column * (SIDE + GAP)
        pen.text((left, 5), name, "black", font)
        for row, image in enumerate(np.asarray(images)):
            scaled = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.NEAREST)
            sheet.paste(scaled, (left, HEAD + row * (SIDE + GAP)))
    left = GAP + len(pictures) * (SIDE + GAP)
    for row in range(rows):
        lines = []
        for name, values in texts.items():
            lines += textwrap.wrap(f"{name}: {values[row]}", CHARACTERS) or [f"{name}:"]
        place = (left, HEAD + row * (SIDE + GAP))
        pen.multiline_text(place, "\n".join(lines[:7]), "black", font, spacing=2)
    return sheet
