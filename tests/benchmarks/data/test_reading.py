"""What is compared reads the same pictures."""

import numpy as np

from benchmarks.data import reading
from data_pipelines import images
from data_pipelines.records import Records


def test_the_bare_loops_give_the_pictures_of_the_records(tmp_path):
    reading.write(tmp_path / "set", 40, 16)
    records = list(Records(tmp_path / "set", "images"))
    pixels = [images.decode(record.image) for record in records]
    batches = reading._decoded(reading._read(next(tmp_path.glob("set/*.array_record")), 40))
    np.testing.assert_array_equal(next(batches), pixels[:32])
    np.testing.assert_array_equal(next(batches), [*pixels[32:], *pixels[:24]])


def test_every_reader_has_a_speed_and_its_share_of_both_bare_loops(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "ENGINES", ("grain",))
    monkeypatch.setattr(reading, "TURNS", 1)
    found = reading.rate(tmp_path, 64, 16)
    assert found["pictures"] == 64 and found["side"] == 16
    speeds = {name: found[f"{name}_a_core_second"] for name in ("grain", *reading.BARE)}
    for name in reading.BARE:
        share = speeds["grain"] / speeds[name]
        np.testing.assert_allclose(found[f"grain_over_{name}"], share, rtol=0.01)
