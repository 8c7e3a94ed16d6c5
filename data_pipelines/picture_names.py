"""Which picture a table means, in the forms that people write names in."""

import os
import pathlib
import unicodedata


class Names:
    """Pictures by every form of their path inside: with their folder in front, without the one
    folder that all lie in, without suffix; a form that means two pictures means none."""

    def __init__(self, pictures, sources):
        """pictures: their paths inside. sources: the folders and zips that they came from."""
        self._known, self._others = {_plain(name): name for name in pictures}, {}
        top = _top(self._known)
        for plain, name in self._known.items():
            short = plain.removeprefix(top)
            for form in {short, _stem(short), _stem(plain)} - {plain}:
                self._others[form] = None if form in self._others else name
        self._fronts = sorted({f for source in sources for f in _fronts(source)}, key=len)

    def find(self, written):
        """The picture of a name as written, or None."""
        plain = _plain(written)
        for form in (plain, *self._without_front(plain)):
            if found := self._known.get(form) or self._others.get(form):
                return found
        return None

    def _without_front(self, plain):
        return [plain.removeprefix(f) for f in self._fronts if plain.startswith(f)]


def outside(written):
    """Whether a name leads up and out."""
    return ".." in _plain(written).split("/")


def _plain(name):
    parts = unicodedata.normalize("NFC", name.strip()).replace("\\", "/").split("/")
    inside = [part for part in parts[1:] if part not in ("", ".")]
    return "/".join([part for part in parts[:1] if part != "."] + inside)


def _stem(name):
    return os.path.splitext(name)[0]


def _top(names):
    """The folder that all of them lie in, with its slash, or ""."""
    tops = {name.partition("/")[0] if "/" in name else "" for name in names}
    return f"{tops.pop()}/" if len(tops) == 1 and "" not in tops else ""


def _fronts(source):
    """What may stand in front of a name: c/, b/c/, ... and /a/b/c/ of a folder /a/b/c or of its
    zip."""
    place = pathlib.Path(os.path.abspath(source))
    place = place if place.is_dir() else place.with_suffix("")
    parts = _plain(place.as_posix()).strip("/").split("/")
    shorter = ["/".join(parts[i:]) + "/" for i in range(len(parts))]
    return [*shorter, f"/{shorter[0]}"]
