"""Every tar that tarfile writes is read as tarfile reads it; harm costs only what it hit."""

import io
import itertools
import tarfile

from hypothesis import given, settings
from hypothesis import strategies as st

from data_pipelines.sources import tars
from data_pipelines.sources.tars import Member, members

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=150)
FILES = st.lists(st.tuples(NAMES, st.binary(max_size=1500)), max_size=6)
FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)


def pack(file, listed, mode="w", form=tarfile.PAX_FORMAT):
    with tarfile.open(file, mode, format=form) as archive:
        for name, data in listed:
            about = tarfile.TarInfo(name)
            about.size, about.mtime = len(data), 1234.5  # as webdataset writes it: needs PAX
            archive.addfile(about, io.BytesIO(data))
    return file


def read(file):
    return list(members(file, lambda name, size: True))


@settings(max_examples=60, deadline=None)
@given(FILES, st.sampled_from(FORMATS), st.sampled_from(["w", "w:gz", "w:xz", "w:bz2"]))
def test_what_tarfile_writes_is_read(tmp_path_factory, listed, form, mode):
    file = tmp_path_factory.mktemp("t") / "a.tar"
    try:
        pack(file, listed, mode, form)
    except ValueError:  # a name that the old format has no room for
        return
    assert [(m.name, m.data) for m in read(file)] == listed


def test_folders_links_and_devices_are_passed_over_with_their_bytes(tmp_path):
    file = tmp_path / "a.tar"
    with tarfile.open(file, "w") as archive:
        for number, kind in enumerate(b"123456"):
            about = tarfile.TarInfo(f"{number}")
            about.type, about.linkname = bytes([kind]), "x" * 120
            archive.addfile(about)
        about = tarfile.TarInfo("last")
        about.size = 3
        archive.addfile(about, io.BytesIO(b"abc"))
    assert [(m.name, m.data) for m in read(file)] == [("last", b"abc")]


def test_tars_behind_one_another_are_one(tmp_path):
    for name in "ab":
        pack(tmp_path / name, [(name, b"x" * 700)])
    both = tmp_path / "both.tar"
    both.write_bytes((tmp_path / "a").read_bytes() + (tmp_path / "b").read_bytes())
    assert [m.name for m in read(both)] == ["a", "b"]


def test_a_harmed_byte_costs_one_file_at_most_and_a_lost_one_is_told(tmp_path):
    listed = [(f"{i}", bytes([i]) * 500) for i in range(5)]
    file = pack(tmp_path / "a.tar", listed, form=tarfile.USTAR_FORMAT)
    whole = file.read_bytes()
    for at in range(0, 5 * 1024, 73):
        data = bytearray(whole)
        data[at] ^= 0x55
        file.write_bytes(data)
        found = read(file)
        good = [(m.name, m.data) for m in found if isinstance(m, Member)]
        told = [each.reason for each in found if not isinstance(each, Member)]
        assert len(set(listed) & set(good)) >= 4, at
        assert len(good) == 5 or told == [tars.GAP], at


def test_what_is_wanted_is_read_and_why_not_is_kept(tmp_path):
    file = pack(tmp_path / "a.tar", [("a", b"1"), ("b", b"22"), ("c", b"333")])
    why = tars.Skipped("too long", "b")
    wish = {"a": True, "b": why, "c": False}
    found = list(members(file, lambda name, size: wish[name]))
    assert [(m.name, m.data) for m in found] == [("a", b"1"), ("b", why)]


def test_a_file_that_claims_to_end_before_it_begins_ends_the_reading(tmp_path):
    file = tmp_path / "a.tar"
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as archive:
        about = tarfile.TarInfo("a")
        about.pax_headers = {"size": "-1536"}  # back to its own extended header
        archive.addfile(about)
    found = members(file, lambda name, size: False)
    (told,) = itertools.islice(found, 9)
    assert told.reason == tars.CUT and "-1,536 bytes" in told.where
