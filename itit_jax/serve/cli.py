"""Ask a trained run, or an export of one.

python -m itit_jax.serve.cli caption PICTURE... --workdir=runs/demo/itit
python -m itit_jax.serve.cli answer PICTURE "QUESTION" --workdir=runs/demo/vqa
python -m itit_jax.serve.cli draw "TEXT" --out=x.png --workdir=runs/demo/itit
python -m itit_jax.serve.cli draw "TEXT" --best_of=10 --judge=runs/towers --workdir=runs/demo/itit
python -m itit_jax.serve.cli edit x.png "TEXT" --mask=mask.png --out=y.png --workdir=runs/demo/itit
"""

import pathlib
import sys

from PIL import Image

from configs.commands import Argument, Choice, command
from configs.keys import at_least, between
from data_pipelines.errors import UserError
from data_pipelines.files import check_file
from itit_jax.serve.asked import opened
from itit_jax.serve.pictures import Edit
from itit_jax.towers import judge

WORKDIR = Argument(
    "runs/demo/itit",
    "workdir of a run, or a folder that --mode=export wrote",
    form="DIR",
    bucket=True,
)
RUN = {
    "--workdir": WORKDIR,
    "--config.": Argument((), "a key of the run that may differ, such as a moved path", many=True),
}
WISHES = {
    **RUN,
    "--seed": Argument(0, "of everything drawn", between(0, 2**31 - 1), form="N"),
    "--rounds": Argument(
        1, "in place of the run's decode.rounds", at_least(1), form="N", unset=True
    ),
    "--guidance": Argument(
        0.0, "in place of the run's decode.guidance", at_least(0), form="SCALE", unset=True
    ),
    "--temperature": Argument(
        1.0, "in place of the run's decode.temperature", at_least(0), form="T", unset=True
    ),
}


@command(
    "itit_jax.serve.cli caption",
    "say what pictures show",
    {"pictures": Argument("", "picture files", form="FILE", many=True), **RUN},
)
def caption(options):
    """Prints a line a picture."""
    pictures = [opened(path) for path in options.pictures]
    for path, text in zip(options.pictures, _session(options).caption(pictures)):
        print(f"{path}: {text}")


@command(
    "itit_jax.serve.cli answer",
    "answer a question about a picture",
    {
        "picture": Argument("", "picture file", form="FILE"),
        "question": Argument("", "about what it shows"),
        **RUN,
    },
)
def answer(options):
    """Prints the answer."""
    picture = opened(options.picture)
    (told,) = _session(options).answer([picture], [options.question])
    print(told)


@command(
    "itit_jax.serve.cli draw",
    "draw a text",
    {
        "text": Argument("", "what the picture shows"),
        "--out": Argument("drawn.png", "where the picture goes", form="FILE"),
        "--scale": Argument(8, "enlarge each pixel, for the eye", at_least(1), form="N"),
        "--best_of": Argument(1, "draw so many and keep the judge's choice", at_least(1), form="N"),
        "--judge": Argument(
            "",
            "towers that choose: a run of them, or published CLIP or SigLIP",
            form="DIR",
            bucket=True,
        ),
        "--sheet": Argument("", "where a sheet of all that were drawn goes", form="FILE"),
        **WISHES,
    },
)
def draw(options):
    """Writes a picture."""
    out = _picture_file(options.out)
    judge.check(options.best_of, options.judge)
    sheet = _picture_file(options.sheet, "--sheet") if options.sheet else None
    if sheet and not options.judge:
        raise UserError("--sheet shows what a judge has put in order; give --judge=DIR.")
    session, wishes = _session(options), _wishes(options)
    if not options.judge:
        (picture,) = session.draw([options.text], **wishes)
        return _write(_enlarged(picture, options.scale), out)
    best_of = dict(best_of=options.best_of, judge=options.judge)
    (ranked,) = session.ranked([options.text], **best_of, **wishes)
    _write(_enlarged(ranked.pictures[0], options.scale), out)
    print(ranked)
    if sheet:
        _write(ranked.sheet(), sheet, "--sheet")


@command(
    "itit_jax.serve.cli edit",
    "draw a part of a picture anew",
    {
        "picture": Argument("", "picture file", form="FILE"),
        "text": Argument("", "what the whole picture should then show"),
        "--mask": Argument(
            "", "picture of that size; white is drawn anew", form="FILE", needed=True
        ),
        "--out": Argument("edited.png", "where the picture goes", form="FILE"),
        **WISHES,
    },
)
def edit(options):
    """Writes a picture."""
    out = _picture_file(options.out)
    picture, mask = opened(options.picture), opened(options.mask)
    Edit(picture, mask)  # a mask that does not fit is told before JAX starts
    session = _session(options)
    (edited,) = session.edit([picture], [options.text], [mask], **_wishes(options))
    _write(edited, out)


main = Choice("itit_jax.serve.cli", caption, answer, draw, edit)


def _wishes(options):
    return {name: getattr(options, name) for name in ("seed", "rounds", "guidance", "temperature")}


def _enlarged(picture, scale):
    return picture.resize([side * scale for side in picture.size], Image.NEAREST)


def _picture_file(path, flag="--out"):
    path = pathlib.Path(path)
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        raise UserError(f"{flag}={path} is no picture file; end it in .png, .jpg or .webp.")
    check_file(path, flag)
    return path


def _write(picture, path, flag="--out"):
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)
    except OSError as error:
        raise UserError(f"{flag}={path} cannot be written ({error}); give another.") from error
    print(path)


def _session(options):
    from itit_jax.serve.session import Session  # JAX starts only once the inputs are known good

    return Session(options.workdir, options.config_keys)


if __name__ == "__main__":
    sys.exit(main())
