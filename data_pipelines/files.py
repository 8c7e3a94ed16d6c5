"""Files and folders that appear whole or not at all, on this machine and in buckets."""

import contextlib
import importlib.util
import io
import os
import pathlib
import shutil
import tempfile

from data_pipelines.errors import Resumable, UserError

OF = ".of"  # the file of a draft that tells what is made
PIECE = 2**22  # bytes that are copied at once
TRIAL = 4096  # bytes: a full disk still takes an empty file


def is_address(path) -> bool:
    """Whether a path names a bucket, such as gs://bucket/run, and no folder of this machine."""
    return "://" in str(path)


def located(path):
    """A pathlib.Path of this machine, or what does the same in a bucket."""
    if not is_address(path):
        return pathlib.Path(path)
    if importlib.util.find_spec("gcsfs"):  # or epath loads TensorFlow wherever that is installed
        os.environ.setdefault("EPATH_USE_TF", "false")
    import fsspec

    # Or a process never sees what others wrote beside a name that it has looked for once.
    fsspec.config.conf.setdefault("gcs", {}).setdefault("use_listings_cache", False)
    from etils import epath

    return epath.Path(path)


def check_writable(path, flag="place", *, inside=False):
    """UserError if nothing can be written beside `path` (or inside of it, a folder). It is tried,
    before the work rather than after it, and nothing is left behind. flag: where it was given."""
    try:
        target = pathlib.Path(path).absolute()
        folder = _there(target)
        if folder == target and not inside:
            folder = target.parent
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(bytes(TRIAL))
            trial.flush()
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"{path} cannot be written ({reason}); give another {flag}.") from error


def _there(folder):
    """The folder, or the nearest around it that is there; OSError if it could never be made."""
    try:
        os.lstat(folder)
        return folder
    except FileNotFoundError:
        return _there(folder.parent)


def check_file(path, flag="place"):
    """The same of a file, which no folder and no device may be in the place of."""
    if os.path.lexists(path) and not os.path.isfile(path):
        raise UserError(f"{path} is there and is no file; give another {flag}.")
    check_writable(path, flag)


@contextlib.contextmanager
def whole(path, mode="wb"):
    """An open file whose contents take the place of `path` at the end, or nothing does.

    Whoever reads meanwhile, and whoever is killed here, sees what was there before. Folders that
    lack around it are made, as `check_writable` takes for granted. mode: "wb", or "w" for UTF-8
    text.
    """
    if is_address(path):
        yield from _to_bucket(path, mode)
        return
    path = pathlib.Path(path)
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(draft, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # or a power cut leaves the new name on an empty file
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _to_bucket(path, mode):
    """A store shows an object once it is written to its end, so it must not end too early."""
    file = io.BytesIO() if "b" in mode else io.StringIO()
    yield file
    data = file.getvalue()
    located(path).write_bytes(data if isinstance(data, bytes) else data.encode())


@contextlib.contextmanager
def here(path):
    """A file of this machine, or a copy of one in a bucket, of the same name, as long as it is
    asked for."""
    if not is_address(path):
        yield pathlib.Path(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder, str(path).rpartition("/")[2])
        with located(path).open("rb") as theirs, open(copy, "wb") as ours:
            shutil.copyfileobj(theirs, ours, PIECE)
        yield copy


def put(file, path):
    """A copy of a file of this machine, whole or not at all."""
    with open(file, "rb") as ours, whole(path) as theirs:
        shutil.copyfileobj(ours, theirs, PIECE)


@contextlib.contextmanager
def whole_folder(path, of=""):
    """A fresh folder to fill that takes the place of `path` at the end, or nothing does.

    `path` must not exist, or be an empty folder. Who comes second is refused; what somebody who was
    killed here has left, the next one removes. of: a text that tells what is made; who was killed,
    stopped or out of room leaves what is done, and the next that makes the same begins with that.
    In a bucket nothing can be moved: there it is filled in its place, and what makes it whole is to
    be written last.
    """
    if is_address(path):
        yield from _in_bucket(located(path), of)
        return
    path = pathlib.Path(path).absolute()
    draft, lock = (path.with_name(f".{path.name}.{end}") for end in ("draft", "lock"))
    busy = f"{path} is being made by another process; wait for it or give another folder."
    with _around(path), _alone(lock, busy):
        _prepare(draft, of)
        try:
            yield draft
            (draft / OF).unlink(missing_ok=True)
            if path.exists():
                path.rmdir()
            os.replace(draft, path)
        except BaseException as error:
            if not (of and isinstance(error, OSError | KeyboardInterrupt | Resumable)):
                shutil.rmtree(draft, ignore_errors=True)
            raise


def _in_bucket(folder, of):
    """A folder of a bucket, with what is there of the same work."""
    mark = folder / OF
    if is_draft(folder) and mark.read_text(encoding="utf-8") != of:
        folder.rmtree()
    mark.write_text(of, encoding="utf-8")
    yield folder
    mark.unlink()


def is_draft(folder) -> bool:
    """Whether a folder of a bucket was begun and is not whole."""
    return is_address(folder) and (folder / OF).is_file()


def _prepare(draft, of):
    """An empty folder, unless what is there is a draft of the same."""
    mark = draft / OF
    if of and mark.is_file() and mark.read_text(encoding="utf-8") == of:
        return
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    if of:
        with whole(mark, "w") as file:
            file.write(of)


@contextlib.contextmanager
def _around(path):
    """The folders around a path; those that were not there are gone again after a fault."""
    made = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):  # somebody else has put something there
            for folder in made:
                folder.rmdir()
        raise


@contextlib.contextmanager
def _alone(path, busy):
    """Alone by a file at `path`, or UserError. The kernel lets go of it when the process dies."""
    import fcntl

    with open(path, "wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(busy) from None
        except OSError:  # a file system without locks
            pass
        if os.fstat(file.fileno()).st_nlink == 0:  # who had it ended, and removed it, just now
            raise UserError(busy)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
