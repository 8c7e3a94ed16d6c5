"""The page of data_pipelines.inspect: HTML in one file, which asks nobody for anything."""

import base64
import html
import io
from typing import NamedTuple

import numpy as np

from data_pipelines import images

SIDE = 112  # pixels of a picture on the page
BARS = 24
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem;
       color: #222; background: #fff }
table { border-collapse: collapse } td, th { padding: .2rem .8rem .2rem 0; text-align: left;
       vertical-align: top } td.n { text-align: right; font-variant-numeric: tabular-nums }
.row { display: flex; flex-wrap: wrap; gap: 1rem } figure { margin: 0; width: 9rem }
figcaption { font-size: .8rem; overflow-wrap: anywhere } img { max-width: 7rem; max-height: 7rem }
svg text { font-size: 10px; fill: #555 } rect { fill: #4c78a8 } .bad { color: #a33 }
small { color: #666 } h2 { border-top: 1px solid #ccc; padding-top: 1rem; margin-top: 2rem }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818 }
       small, svg text { color: #aaa; fill: #aaa } rect { fill: #8fb4dc } .bad { color: #f88 } }
"""
WORDS = 40
# No browser fetches anything for it, whatever a caption holds.
NOBODY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


class Sample(NamedTuple):
    """A record to show."""

    key: str
    image: bytes
    texts: list


def render(name, info, looked, skipped, text_length) -> str:
    """The page of a data set. looked: {split: inspect.Looked}. skipped: report.json."""
    parts = [
        f"<h1>{_safe(name)}</h1>",
        f"<p><small>{_safe(info['made_by'])}<br>licence: {_safe(info['licence'])}</small></p>",
        _counts(info, looked),
        _unpaired(info),
        _twice(info),
        _skipped(skipped),
        *(_split(split, each, text_length) for split, each in looked.items()),
    ]
    nobody = f'<meta http-equiv="Content-Security-Policy" content="{NOBODY}">'
    head = f'<meta charset="utf-8">{nobody}<title>{_safe(name)}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>'


def _safe(text):
    return html.escape(str(text), quote=True)


def _table(head, rows):
    cells = lambda row: "".join(
        f"<td class=n>{c:,}</td>" if isinstance(c, int | float) else f"<td>{c}</td>" for c in row
    )
    told = "".join(f"<th>{_safe(name)}</th>" for name in head)
    return f"<table><tr>{told}</tr>{''.join(f'<tr>{cells(row)}</tr>' for row in rows)}</table>"


def _counts(info, looked):
    rows = []
    for split, told in info["splits"].items():
        size = round(sum(shard["bytes"] for shard in told["shards"]) / 1e6, 1)
        seen = len(looked[split].keys)
        rows.append((_safe(split), told["records"], len(told["shards"]), size, seen))
    return _table(("split", "records", "shards", "megabytes", "looked at"), rows)


def _unpaired(info):
    told = info.get("unpaired")
    if not told:
        return ""
    apart = "no example stands in both" if info.get("lone_sets_are_apart") else "not proved apart"
    return (
        f"<h2>Unpairing</h2><p>{told['pairs_kept']:,} pairs are kept; {told['lend_images']:,} "
        f"others lend their pictures and {told['lend_texts']:,} their texts; {apart}.</p>"
    )


def _twice(info):
    leaks = [
        f"<li class=bad>{found['count']:,} pictures of {_safe(split)} are trained on too"
        f" <small>{_safe(', '.join(found.get('first', [])[:5]))}</small></li>"
        for split, found in info.get("leaks", {}).items()
    ]
    twice = info.get("pictures_twice")
    if twice is None and not leaks:
        return ""
    told = f"<p>{twice:,} pictures have the pixels of another.</p>" if twice is not None else ""
    return f"<h2>Duplicates</h2>{told}<ul>{''.join(leaks)}</ul>"


def _skipped(report):
    rows = [
        (_safe(reason), found["count"], f"<small>{_safe('; '.join(found['first'][:3]))}</small>")
        for reason, found in report.items()
    ]
    return f"<h2>Skipped</h2>{_table(('why', 'how many', 'the first'), rows)}" if rows else ""


def _split(split, looked, text_length):
    """A section."""
    charts = [_histogram("bytes a picture", looked.image_bytes)]
    if looked.sides:
        widths, heights = zip(*looked.sides)
        shapes = [width / max(1, height) for width, height in looked.sides]
        charts = [_histogram("width", widths), _histogram("height", heights),
                  _histogram("width / height", shapes), *charts]  # fmt: skip
    if looked.tokens:
        charts += [_histogram("tokens a text", looked.tokens), _histogram("texts", looked.texts)]
    return (
        f"<h2>{_safe(split)}</h2>{_cut(looked, text_length)}"
        f"<div class=row>{''.join(charts)}</div>{_words(looked.words)}"
        f"<h3>Samples</h3><div class=row>{''.join(map(_figure, looked.samples))}</div>"
        f"<h3>Extremes</h3><div class=row>{_extremes(looked.extremes)}</div>"
    )


def _cut(looked, text_length):
    if not looked.tokens:
        return ""
    share = np.mean(np.array(looked.tokens) > text_length)
    return f"<p>{share:.1%} of the texts are longer than {text_length} tokens and will be cut.</p>"


def _words(counts):
    if not counts:
        return ""
    common = counts.most_common(WORDS)
    rare = counts.most_common()[-WORDS:][::-1] if len(counts) > WORDS else []
    told = lambda found: ", ".join(f"{_safe(word)} <small>{n:,}</small>" for word, n in found)
    lines = f"<p>{len(counts):,} words; the commonest: {told(common)}</p>"
    return lines + (f"<p>the rarest: {told(rare)}</p>" if rare else "")


def _extremes(found):
    return "".join(_figure(sample, what) for what, sample in found.items())


def _figure(sample, what=""):
    said = "<br>".join(_safe(text) for text in sample.texts[:5])
    head = f"<b>{_safe(what)}</b><br>" if what else ""
    picture = f'<img alt="" src="{_small(sample.image)}">' if sample.image else ""
    told = f"{head}{said}<br><small>{_safe(sample.key)}</small>"
    return f"<figure>{picture}<figcaption>{told}</figcaption></figure>"


def _small(data):
    """A picture as an address that holds it."""
    try:
        image = images.upright(data)
    except images.Unreadable:
        return "data:,"
    image.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"


def _histogram(name, values) -> str:
    """A drawing of how often each value is, from the least to the most."""
    if not len(values):
        return ""
    counts, edges = np.histogram(values, BARS)
    top = max(1, counts.max())
    bars = "".join(
        f'<rect x="{8 * i}" y="{60 - 60 * n / top:.1f}" width="7" height="{60 * n / top:.1f}">'
        f"<title>{edges[i]:,.4g} to {edges[i + 1]:,.4g}: {n:,}</title></rect>"
        for i, n in enumerate(counts)
    )
    least, middle, most = (f"{value:,.4g}" for value in np.percentile(values, (0, 50, 100)))
    return (
        f'<svg width="{8 * BARS}" height="92" role="img"><title>{_safe(name)}</title>{bars}'
        f'<text x="0" y="72">{least}</text><text x="{8 * BARS}" y="72" text-anchor="end">{most}'
        f'</text><text x="0" y="88">{_safe(name)}, half below {middle}</text></svg>'
    )
