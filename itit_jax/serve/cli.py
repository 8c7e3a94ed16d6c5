"""Ask a trained run, or an export of one.

python -m itit_jax.serve.cli caption PICTURE... --workdir=runs/demo/itit
python -m itit_jax.serve.cli draw "TEXT" --out=x.png --workdir=runs/demo/itit
python -m itit_jax.serve.cli edit x.png "TEXT" --mask=mask.png --out=y.png --workdir=runs/demo/itit
"""

import argparse
import pathlib
import sys

from PIL import Image, UnidentifiedImageError

from data_pipelines.errors import UserError
from itit_jax.serve.pictures import Edit


def main(arguments=None):
    """Returns the exit code: 0 done, 2 a fault that the user can mend."""
    parser = argparse.ArgumentParser(prog="itit_jax.serve.cli", description=__doc__)
    shared = argparse.ArgumentParser(add_help=False)
    where = "workdir of an itit run, or a folder that --mode=export wrote"
    shared.add_argument("--workdir", default="runs/demo/itit", help=where)
    shared.add_argument("--seed", type=int, default=0)
    drawing = argparse.ArgumentParser(add_help=False)
    drawing.add_argument("--rounds", type=int, help="in place of the run's decode.rounds")
    drawing.add_argument("--guidance", type=float, help="in place of the run's decode.guidance")
    commands = parser.add_subparsers(dest="command", required=True)
    caption = commands.add_parser("caption", parents=[shared], help="say what pictures show")
    caption.add_argument("pictures", nargs="+")
    draw = commands.add_parser("draw", parents=[shared, drawing], help="draw a text")
    draw.add_argument("text")
    draw.add_argument("--out", default="drawn.png", help="where the picture goes")
    draw.add_argument("--scale", type=int, default=8, help="enlarge each pixel, for the eye")
    edit = commands.add_parser("edit", parents=[shared, drawing], help="redraw a part of a picture")
    edit.add_argument("picture")
    edit.add_argument("text", help="what the whole picture should then show")
    edit.add_argument("--mask", required=True, help="picture of that size; white is drawn anew")
    edit.add_argument("--out", default="edited.png", help="where the picture goes")
    options = parser.parse_args(arguments)
    try:
        {"caption": _caption, "draw": _draw, "edit": _edit}[options.command](options)
    except UserError as error:
        print(f"itit_jax: {error}", file=sys.stderr)
        return 2
    return 0


def _caption(options):
    pictures = [_open(path) for path in options.pictures]
    for path, text in zip(options.pictures, _session(options).caption(pictures)):
        print(f"{path}: {text}")


def _draw(options):
    out = _picture_file(options.out)
    session = _session(options)
    (picture,) = session.draw([options.text], **_wishes(options))
    size = [side * max(options.scale, 1) for side in picture.size]
    _write(picture.resize(size, Image.NEAREST), out)


def _edit(options):
    out = _picture_file(options.out)
    picture, mask = _open(options.picture), _open(options.mask)
    Edit(picture, mask)  # a mask that does not fit is told before JAX starts
    session = _session(options)
    (edited,) = session.edit([picture], [options.text], [mask], **_wishes(options))
    _write(edited, out)


def _wishes(options):
    return {"seed": options.seed, "rounds": options.rounds, "guidance": options.guidance}


def _picture_file(path):
    path = pathlib.Path(path)
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise UserError(f"--out={path} is no picture file; end it in .png, .jpg or .webp.")
    return path


def _write(picture, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)
    print(path)


def _open(path):
    try:
        picture = Image.open(path)
        picture.load()
        return picture
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; give a picture file.") from None
    except (UnidentifiedImageError, OSError):
        raise UserError(f"{path} is no picture that Pillow can read; give a PNG or JPEG.") from None


def _session(options):
    from itit_jax.serve.session import Session  # JAX starts only once the inputs are known good

    return Session(options.workdir)


if __name__ == "__main__":
    sys.exit(main())
