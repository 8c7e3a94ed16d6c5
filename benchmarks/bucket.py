"""A stand-in for Google Cloud Storage: the part of its JSON API that the real clients ask for.

gcsfs (behind etils.epath), tensorstore (behind Orbax) and google-cloud-storage (Orbax too) speak
to it over HTTP as they speak to the store. It keeps what a run leans on: an object appears whole
or not at all, every write has a new generation, conditions on generations hold, there are no
folders, listings are sorted and come in pages. It cannot show what only the store has: rights,
quotas, delays, lost connections, hierarchical namespaces, more than one bucket.
"""

import contextlib
import http.server
import json
import re
import threading
import urllib.parse

STAMP = "2026-01-01T00:00:00.000000Z"
NO_CONTENT, MISSING, CHANGED, SPAN_MISSES, UNKNOWN = 204, 404, 412, 416, 501


class Bucket:
    """One bucket, its server, and the variables that lead clients to it."""

    name = "bucket"

    def __init__(self, page=1000):
        self.objects = {}  # {name: (bytes, generation)}
        self.page = page  # most objects in one answer to a listing
        self.before_write = lambda name: None  # a test may hold or break a write
        self.before_answer = lambda size: None  # so many bytes; somebody may count, or be slow
        self._uploads, self._counter, self._lock = {}, 0, threading.RLock()
        handler = type("Handler", (_Handler,), {"bucket": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def environment(self):
        """Variables of a process that shall find this bucket; clients read them once."""
        return {
            "STORAGE_EMULATOR_HOST": self.url,  # gcsfs and google-cloud-storage
            "TENSORSTORE_GCS_HTTP_URL": self.url,
            "GOOGLE_AUTH_TOKEN_FOR_TESTING": "token",  # tensorstore
            "EPATH_USE_TF": "false",  # TensorFlow's client knows no other host than the store
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",  # would ask for the layout by gRPC
        }

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def write(self, name, data, wanted=None):
        """Whether it was written: not where another generation than `wanted` (0: none) is there."""
        self.before_write(name)
        with self._lock:
            if wanted not in (None, str(self.objects.get(name, (b"", 0))[1])):
                return False
            self.objects[name] = (data, self._next())
            return True

    def delete(self, name, wanted=None):
        """HTTP code of the deed."""
        with self._lock:
            if name not in self.objects:
                return MISSING
            if wanted not in (None, str(self.objects[name][1])):
                return CHANGED
            del self.objects[name]
            return NO_CONTENT

    def begin(self, name, wanted):
        """Number of an upload in pieces."""
        with self._lock:
            number = str(self._next())
            self._uploads[number] = (name, wanted, bytearray())
            return number

    def upload(self, number):
        """(name, wanted generation, bytes so far) of an upload in pieces."""
        return self._uploads[number]

    def _next(self):
        self._counter += 1
        return self._counter

    def listing(self, ask):
        """A page of objects, and of prefixes up to the delimiter, in the order of their names."""
        prefix, delimiter, end = (ask.get(k, "") for k in ("prefix", "delimiter", "endOffset"))
        found = {}
        with self._lock:
            names = [n for n in sorted(self.objects) if n.startswith(prefix)]
            for name in (n for n in names if n >= ask.get("startOffset", "")):
                cut = name.find(delimiter, len(prefix)) if delimiter else -1
                entry = name if cut < 0 else name[: cut + len(delimiter)]
                if entry > ask.get("pageToken", "") and not (end and name >= end):
                    found[entry] = self.describe(name) if cut < 0 else None
        shown = list(found)[: min(int(ask.get("maxResults", self.page)), self.page)]
        items = [found[entry] for entry in shown if found[entry]]
        page = {"items": items, "prefixes": [entry for entry in shown if not found[entry]]}
        return page | ({"nextPageToken": shown[-1]} if len(shown) < len(found) else {})

    def describe(self, name):
        """What the store tells of an object."""
        data, generation = self.objects[name]
        return {
            "kind": "storage#object", "id": f"{self.name}/{name}/{generation}", "name": name,
            "bucket": self.name, "generation": str(generation), "metageneration": "1",
            "size": str(len(data)), "timeCreated": STAMP, "updated": STAMP,
        }


class _Handler(http.server.BaseHTTPRequestHandler):
    bucket: Bucket
    protocol_version = "HTTP/1.1"  # connections stay open
    disable_nagle_algorithm = True

    def handle(self):
        with contextlib.suppress(ConnectionError):  # a client was killed
            super().handle()

    def log_message(self, *_):
        pass

    def _route(self):
        url = urllib.parse.urlsplit(self.path)
        self.query = {k: v[0] for k, v in urllib.parse.parse_qs(url.query).items()}
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.wanted = self.query.get("ifGenerationMatch")
        way = r"(?:/(upload|download))?/storage/v1/b/([^/]+)(?:/(o)(?:/(.*))?)?$"
        match = re.match(way, url.path)
        if not match or match[2] != self.bucket.name:
            return self._answer(MISSING)
        if not match[3]:
            return self._json({"kind": "storage#bucket", "name": self.bucket.name})
        return self._about(match[1], urllib.parse.unquote(match[4] or ""))

    do_GET = do_POST = do_PUT = do_DELETE = _route

    def _about(self, way, name):
        """Hands a request for objects over to what it asks for."""
        if way == "upload":
            return self._upload()
        if self.command == "DELETE":
            return self._answer(self.bucket.delete(name, self.wanted))
        if self.command != "GET":
            return self._answer(UNKNOWN)  # copies and renames: nothing here leans on them
        if not name:
            return self._json(self.bucket.listing(self.query))
        found = self.bucket.objects.get(name)
        if not found or self.query.get("generation") not in (None, str(found[1])):
            return self._answer(MISSING)
        if way == "download" or self.query.get("alt") == "media":
            return self._download(*found)
        return self._json(self.bucket.describe(name))

    def _download(self, data, generation):
        if self.query.get("ifGenerationNotMatch") == str(generation):
            return self._answer(304)
        if self.wanted not in (None, str(generation)):
            return self._answer(CHANGED)
        head = {"x-goog-generation": generation}
        span = re.match(r"bytes=(\d*)-(\d*)$", self.headers.get("Range", ""))
        if not span:
            return self._answer(200, data, head)
        first = int(span[1]) if span[1] else max(len(data) - int(span[2]), 0)
        last = min(int(span[2]) if span[1] and span[2] else len(data), len(data) - 1)
        if first > last:
            return self._answer(SPAN_MISSES, b"", {"Content-Range": f"bytes */{len(data)}"})
        head["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        return self._answer(206, data[first : last + 1], head)

    def _upload(self):
        kind, number = self.query["uploadType"], self.query.get("upload_id")
        if number:
            return self._piece(number)
        if kind == "resumable":
            name = self.query.get("name") or json.loads(self.body)["name"]
            number = self.bucket.begin(name, self.wanted)
            where = f"{self.bucket.url}{self.path}&upload_id={number}"
            return self._answer(200, b"", {"Location": where})
        if kind == "media":
            return self._store(self.query["name"], self.body, self.wanted)
        return self._answer(UNKNOWN)

    def _piece(self, number):
        """A part of an upload in pieces; the last one says how long the whole is."""
        name, wanted, data = self.bucket.upload(number)
        data.extend(self.body)
        total = self.headers.get("Content-Range", "/*").rpartition("/")[2]
        if total == "*" or int(total) > len(data):
            return self._answer(308, b"", {"Range": f"bytes=0-{len(data) - 1}"})
        return self._store(name, bytes(data), wanted)

    def _store(self, name, data, wanted):
        if not self.bucket.write(name, data, wanted):
            return self._answer(CHANGED)
        return self._json(self.bucket.describe(name))

    def _json(self, value):
        self._answer(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _answer(self, code, data=b"", head=None):
        self.bucket.before_answer(len(data))
        self.send_response(code)
        for name, value in (head or {}).items():
            self.send_header(name, str(value))
        if code != NO_CONTENT:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
