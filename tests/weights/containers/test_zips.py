"""A zip that stays open, beside Python's own."""

import zipfile

import pytest

from itit_jax.weights.containers.zips import Zip

DATA = bytes(range(256)) * 40


@pytest.fixture
def file(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("first", b"abc")
        archive.writestr("data/0", DATA)
    return tmp_path / "x.zip"


def test_a_cut_of_a_stored_entry_is_that_part_of_it(file):
    archive = Zip(file)
    archive.check_stored("data/0")
    for start, size in ((0, len(DATA)), (7, 300), (len(DATA) - 1, 1), (5, 0)):
        assert archive.cut("data/0", start, size) == DATA[start : start + size]


def test_an_entry_whose_sum_is_wrong_is_not_cut(file):
    data = bytearray(file.read_bytes())
    data[data.find(DATA) + 900] ^= 1
    file.write_bytes(data)
    archive = Zip(file)
    with pytest.raises(zipfile.BadZipFile, match="Bad CRC"):
        archive.cut("data/0", 0, 4)


@pytest.mark.parametrize("flag, told", [(1, "'data/0' is encrypted"), (0, None)])
def test_what_is_encrypted_is_named(flag, told, file):
    data = bytearray(file.read_bytes())
    data[data.rfind(b"PK\x01\x02") + 8] |= flag
    file.write_bytes(data)
    if told:
        with pytest.raises(ValueError, match=told):
            Zip(file)
    else:
        assert set(Zip(file).entries) == {"first", "data/0"}
