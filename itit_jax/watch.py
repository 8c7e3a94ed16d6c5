"""Whether the other processes of a run are alive, and what happens where one is not.

JAX ends every process when one has given no sign for distributed.SILENCE seconds, by SIGABRT and a
page of its own log. Here they are named before that, in a sentence; and where one ends by what the
user can mend, all end with its sentence and its exit code instead of waiting for it.
"""

import contextlib
import functools
import os
import socket
import sys
import threading
import time
import traceback

import jax

from configs.commands import exit_code, sentence_of
from itit_jax import distributed

PAUSE = 1.0  # seconds between two signs
QUIET = 6  # of them without one, and a process is named
PATIENCE = 12  # seconds in which whoever is lost is found
LOST = 134  # exit code where another process is lost: as JAX ends by SIGABRT; begun anew
ALIVE, ENDED = "itit_jax/alive/", "itit_jax/ended/"  # names of notes


@contextlib.contextmanager
def together():
    """A run of several processes: all end together, whatever happens to one of them."""
    if jax.process_count() == 1:
        yield
        return
    watch = Watch(distributed.store(), jax.process_index(), jax.process_count())
    watch.start()
    try:
        yield
        distributed.wait_for_all("the end of the run")
    except Exception as error:
        if sentence := sentence_of(error):
            code = exit_code("itit_jax", functools.partial(_again, error))
            watch.tell_end(code, sentence)
            _leave(code)
        if watch.find_lost():
            _leave(LOST)
        traceback.print_exc()
        _leave(1)
    finally:
        watch.stop()


def _again(error):
    raise error


def _leave(code):
    """Ends this process now. As usual it would wait for the others first, who wait for it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class Watch:
    """Leaves signs of this process and looks at those of the others.

    A process that cannot look sees no silence either: silence is counted in looks.
    """

    def __init__(self, store, me, count, say=None):
        self._store, self._me, self._count = store, me, count
        self._say = say or (lambda text: print(f"itit_jax: {text}", file=sys.stderr, flush=True))
        self._signs = {}  # process: its last sign
        self._silent = dict.fromkeys(range(count), 0)  # process: looks since then
        self._told = set()
        self._answered = 0  # signs that the store took
        self._over = threading.Event()
        # The store stands and falls with process 0, and who asks it then hears nothing.
        self._threads = [threading.Thread(target=work, daemon=True) for work in
                         (self._sign, self._look)]  # fmt: skip

    def start(self):
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self):
        """Say and leave no more."""
        self._over.set()

    def tell_end(self, code, sentence):
        """This process ends by what is no fault of ours: so do the others, when they have seen
        it."""
        self.stop()  # what the others say of it is the same
        with contextlib.suppress(Exception):
            self._store.key_value_set(f"{ENDED}{self._me}", f"{code} {sentence}")
            time.sleep(3 * PAUSE)

    def find_lost(self):
        """Whether somebody is silent now or within PATIENCE seconds."""
        end = time.monotonic() + PATIENCE
        while not self._told and time.monotonic() < end:
            time.sleep(PAUSE / 4)
        return bool(self._told)

    def _sign(self):
        while not self._over.wait(PAUSE):
            sign = f"{self._answered} {socket.gethostname()}"
            try:
                self._store.key_value_set(f"{ALIVE}{self._me}", sign, allow_overwrite=True)
                found = dict(self._store.key_value_dir_get(ALIVE))
                ended = self._store.key_value_dir_get(ENDED)
            except Exception:  # of grpc, of XLA: the store is gone, and process 0 with it
                continue
            self._answered += 1
            for key, note in ended:
                if not self._over.is_set() and (number := _number(key)) != self._me:
                    code, _, sentence = note.partition(" ")
                    self._say(f"process {number} ended: {sentence}")
                    _leave(int(code))
            self._note({_number(key): sign for key, sign in found.items()})

    def _note(self, found):
        for process, sign in found.items():
            if self._signs.get(process) != sign:
                self._signs[process] = sign
                self._silent[process] = 0

    def _look(self):
        answered = 0
        while not self._over.wait(PAUSE):
            heard, answered = self._answered > answered, self._answered
            # Where the store does not answer nothing is known of the others but of process 0.
            asked = range(self._count) if heard else (0,)
            for process in asked:
                self._silent[process] += 1
                if self._silent[process] == QUIET and process != self._me:
                    self._tell(process)

    def _tell(self, process):
        where = self._signs.get(process, " a machine that never answered").partition(" ")[2]
        self._told.add(process)
        self._say(
            f"process {process} of {self._count} ({where}) gives no sign of life; the run ends if "
            "it stays away, and the same command goes on from the last checkpoint"
        )


def _number(key):
    return int(key.rpartition("/")[2])
