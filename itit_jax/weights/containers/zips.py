"""A zip that stays open, whose entries are believed nothing that its size does not allow."""

import struct
import zipfile

from itit_jax.weights.containers.tensors import check_unfolds

ENCRYPTED = 1
LOCAL = struct.Struct("<4s22xHH")  # of an entry: its sign, letters of its name, bytes of extras


class Zip:
    """{name: ZipInfo} and bytes of a zip of `held` bytes."""

    def __init__(self, file):
        self.file, self.held = file, file.stat().st_size
        self._archive = zipfile.ZipFile(file)
        self.entries, self._sound, claimed = {}, set(), 0
        for entry in self._archive.infolist():
            if entry.filename in self.entries:
                raise ValueError(f"{entry.filename[:100]!a} is there twice")
            if entry.flag_bits & ENCRYPTED:
                raise ValueError(f"{entry.filename[:100]!a} is encrypted")
            claimed += entry.file_size
            check_unfolds(claimed, self.held)
            self.entries[entry.filename] = entry

    def open(self, name):
        """File of one entry, whose sum is checked at its end."""
        return self._archive.open(self.entries[name])

    def check_stored(self, name):
        """ValueError unless the bytes of an entry lie in the file as they are."""
        entry = self.entries[name]
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise ValueError(f"{name} is compressed, which torch.save never does")
        if entry.header_offset + entry.file_size > self.held:
            raise ValueError(f"{name} claims {entry.file_size:,} of {self.held:,} bytes")

    def cut(self, name, start, size):
        """Bytes of a stored entry, whose sum is checked once."""
        if name not in self._sound:
            with self.open(name) as opened:
                while opened.read(2**20):
                    pass
            self._sound.add(name)
        with open(self.file, "rb") as opened:
            opened.seek(self.entries[name].header_offset)
            _, letters, extras = LOCAL.unpack(opened.read(LOCAL.size))
            opened.seek(letters + extras + start, 1)
            return opened.read(size)
