"""Every file of a data set is compared with its checksum."""

import json

from data_pipelines import verify
from tests.data_pipelines.sources.made import png, run


def build(place):
    """A data set of pairs, lone pictures and lone texts."""
    (place / "p").mkdir()
    for i in range(9):
        (place / f"p/{i}.png").write_bytes(png(20 * i))
    rows = [f"{i}.png\ta picture {i}" for i in range(9)]
    (place / "c.tsv").write_text("\n".join(["file\tcaption", *rows]))
    flags = [f"--images={place}/p", f"--captions={place}/c.tsv", "--pairs=2"]
    assert run(place / "out", "--from=folder", *flags) == 0
    return place / "out"


def test_every_file_that_is_not_as_it_was_is_named(tmp_path, capsys):
    folder = build(tmp_path)
    capsys.readouterr()
    assert verify.main([str(folder)]) == 0
    assert "are as they were written" in capsys.readouterr().out
    data = bytearray((folder / "pairs-00000.array_record").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "pairs-00000.array_record").write_bytes(data)
    (folder / "texts-00000.array_record").unlink()
    (folder / "images-00000.array_record").write_bytes(b"short")
    (folder / "images.hashes.npy").write_bytes(b"x")
    words = (folder / "vocabulary.model").read_bytes()
    (folder / "vocabulary.model").write_bytes(words[:-1] + b"?")
    (folder / "report.json").unlink()
    assert verify.main([str(folder)]) == 2
    out, error = capsys.readouterr()
    assert "vocabulary.model has other contents" in out and "report.json is missing" in out
    assert "pairs-00000.array_record has other contents" in out and "is missing" in out
    assert "images-00000.array_record has 5 bytes, not" in out and out.count("\n") == 6
    assert "6 of" in error and len(error.splitlines()) == 1
    (folder / "vocabulary.model").unlink()
    assert verify.main([str(folder)]) == 2
    assert "vocabulary.model is missing" in capsys.readouterr().out
    info = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps(info | {"licence": "mine"}))
    assert verify.main([str(folder)]) == 2
    assert "damaged or edited" in capsys.readouterr().err
