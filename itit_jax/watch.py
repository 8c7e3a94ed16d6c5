"""Whether the other processes of a run are alive, and what happens where one is not.

JAX ends every process when one has given no sign for distributed.SILENCE seconds, by SIGABRT and a
page of its own log. Here they are named before that, in a sentence; and where one ends by what the
user can mend, all end with its sentence and its exit code instead of waiting for it.

A sign comes from a thread of its own. That the main thread hangs, in a read of a disk that is away
or in a collective, is seen by what it has passed: who is behind all others and stays there.
"""

import contextlib
import faulthandler
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
STUCK = 600.0  # seconds after which who is behind hangs; ten times its longest move if that is more
LOST = 134  # exit code where another process is lost: as JAX ends by SIGABRT; begun anew
SHOWN = 3  # processes that are named in one line
ALIVE, ENDED = "itit_jax/alive/", "itit_jax/ended/"  # names of notes


class Moves:
    """How far the main thread of this process has come, along a way that is the same in all."""

    def __init__(self):
        self.count, self.longest, self._last = 0, 0.0, time.monotonic()
        self.regular = False  # whether it is known by now how long a move takes

    def passed(self):
        """One more point of the way."""
        now = time.monotonic()
        if self.count:  # before the first there was all that a run begins with
            self.longest = max(self.longest, now - self._last)
        self.count, self._last = self.count + 1, now

    @contextlib.contextmanager
    def aside(self):
        """In here is done what takes as long as it takes."""
        regular, self.regular = self.regular, False
        yield
        self.count, self._last, self.regular = self.count + 1, time.monotonic(), regular

    def rest(self):
        """No more points."""
        self.regular = False

    def patience(self):
        """Whole seconds in which it is to come to the next point; 0 where nobody can tell."""
        return int(max(STUCK, 10 * self.longest)) if self.regular else 0


@contextlib.contextmanager
def together():
    """A run of several processes: all end together, whatever happens to one of them. Gives the
    Moves in which this one is to tell how far it is."""
    moves = Moves()
    if jax.process_count() == 1:
        yield moves
        return
    watch = Watch(distributed.store(), jax.process_index(), jax.process_count(), moves)
    watch.start()
    try:
        yield moves
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

    def __init__(self, store, me, count, moves, say=None):
        self._store, self._me, self._count, self._moves = store, me, count, moves
        self._say = say or (lambda text: print(f"itit_jax: {text}", file=sys.stderr, flush=True))
        self._signs = {}  # process: its last sign
        self._silent = dict.fromkeys(range(count), 0)  # process: looks since then
        self._told = set()
        self._behind, self._still = None, 0  # who is behind all others, and looks since then
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
            moves = f"{self._moves.count} {self._moves.patience()}"
            sign = f"{self._answered} {moves} {socket.gethostname()}"
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
            found = {_number(key): sign for key, sign in found.items()}
            self._note(found)
            self._find_stuck({process: _moves(sign) for process, sign in found.items()})

    def _find_stuck(self, moves):
        """Ends this process where one hangs, or all do. moves: {process: (count, patience)}."""
        lowest = min(count for count, _ in moves.values())
        behind = {process: told for process, told in moves.items() if told[0] == lowest}
        same, self._behind = behind == self._behind, behind
        self._still = self._still + 1 if same else 0
        patience = [patience for _, patience in behind.values()]
        if all(patience) and self._still * PAUSE > max(patience) and not self._over.is_set():
            names = ", ".join(f"{p} ({self._where(p)})" for p in sorted(behind)[:SHOWN])
            more = ", ..." if len(behind) > SHOWN else ""
            self._say(
                f"process {names}{more} of {self._count} has hung for {max(patience)} s; the run "
                "ends, and the same command goes on from the last checkpoint"
            )
            if self._me in behind:
                faulthandler.dump_traceback(sys.__stderr__)
            time.sleep(3 * PAUSE)  # JAX ends all once process 0 has left, before they can say it
            _leave(LOST)

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
        self._told.add(process)
        self._say(
            f"process {process} of {self._count} ({self._where(process)}) gives no sign of life; "
            "the run ends if it stays away, and the same command goes on from the last checkpoint"
        )

    def _where(self, process):
        return self._signs.get(process, "- - - a machine that never answered").split(" ", 3)[3]


def _moves(sign):
    """(how many, patience) of a sign."""
    return tuple(map(int, sign.split(" ", 3)[1:3]))


def _number(key):
    return int(key.rpartition("/")[2])
