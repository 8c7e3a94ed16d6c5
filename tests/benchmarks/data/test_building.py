"""What is compared does the same work."""

from array_record.python.array_record_module import ArrayRecordReader

from benchmarks.data import building
from data_pipelines.example import decode
from data_pipelines.records import Records


def test_the_bare_loop_writes_the_pictures_and_texts_that_the_builder_writes(tmp_path):
    found = building.rate(tmp_path, 12, 16)
    assert found["builder_over_bare"] > 0 and found["pictures"] == 12
    reader = ArrayRecordReader(str(tmp_path / "bare0"))
    bare = {(r.image, r.texts) for r in map(decode, reader.read(range(12)))}
    splits = ("pairs", "validation", "test")
    folder = tmp_path / "out0"
    ours = {(r.image, r.texts) for s in splits if (folder / f"{s}-00000.array_record").exists()
            for r in Records(folder, s)}  # fmt: skip
    assert ours == bare and len(bare) == 12
