"""Ask a trained run, or an export of one.

python -m itit_jax.serve.cli caption PICTURE... --workdir=runs/demo/itit
python -m itit_jax.serve.cli draw "TEXT" --out=x.png --workdir=runs/demo/itit
"""

import argparse
import pathlib
import sys

from PIL import Image, UnidentifiedImageError

from data_pipelines.errors import UserError


def main(arguments=None):
    """Returns the exit code: 0 done, 2 a fault that the user can mend."""
    parser = argparse.ArgumentParser(prog="itit_jax.serve.cli", description=__doc__)
    shared = argparse.ArgumentParser(add_help=False)
    where = "workdir of an itit run, or a folder that --mode=export wrote"
    shared.add_argument("--workdir", default="runs/demo/itit", help=where)
    shared.add_argument("--seed", type=int, default=0)
    commands = parser.add_subparsers(dest="command", required=True)
    caption = commands.add_parser("caption", parents=[shared], help="say what pictures show")
    caption.add_argument("pictures", nargs="+")
    draw = commands.add_parser("draw", parents=[shared], help="draw a text")
    draw.add_argument("text")
    draw.add_argument("--out", default="drawn.png", help="where the picture goes")
    draw.add_argument("--scale", type=int, default=8, help="enlarge each pixel, for the eye")
    options = parser.parse_args(arguments)
    try:
        _caption(options) if options.command == "caption" else _draw(options)
    except UserError as error:
        print(f"itit_jax: {error}", file=sys.stderr)
        return 2
    return 0


def _caption(options):
    pictures = [_open(path) for path in options.pictures]
    for path, text in zip(options.pictures, _session(options).caption(pictures)):
        print(f"{path}: {text}")


def _draw(options):
    out = pathlib.Path(options.out)
    if out.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise UserError(f"--out={out} is no picture file; end it in .png, .jpg or .webp.")
    (picture,) = _session(options).draw([options.text], seed=options.seed)
    size = [side * max(options.scale, 1) for side in picture.size]
    out.parent.mkdir(parents=True, exist_ok=True)
    picture.resize(size, Image.NEAREST).save(out)
    print(out)


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
