"""A process that has loaded what every run loads, and of which runs are forks.

Importing torch and MONAI takes seconds; forking a process that has them takes milliseconds. The
template executes nothing itself: a run begins with the imported libraries and nothing else that
a fresh interpreter would not have, and before the fork no threads have been started.

As a program: ``python -m topoeval.harness.template DESCRIPTOR LOG``, of a socket and, for those who
look at a list of processes, the log. Each message on the socket asks for a supervised run, and
brings the ends of two pipes: life line and last words of the supervisor (see
`topoeval.harness.supervisor`). The template ends with the socket.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO

from topoeval.harness import supervisor
from topoeval.harness.job import WORKER, Supervised, fresh
from topoeval.harness.supervisor import Settings, die_with_parent

# Linux only: elsewhere the libraries' own threads do not survive a fork
SUPPORTED = sys.platform == "linux"

_LOADED = (
    "topoeval.harness.worker",
    "topoeval.harness.tasks",
    "topoeval.harness.environment",
    "monai.networks.nets",  # what the first network imports
    "torch._dynamo",  # 800 modules, which the first optimiser imports
)
_PROGRAM = (sys.executable, "-P", "-m", "topoeval.harness.template")
_READY = b"ready"
_MOST_BYTES = 2**17  # of a request, which arrives whole


class Template:
    """Starts supervised runs as forks of one process, which it starts itself.

    Parameters
    ----------
    log
        File for what the libraries print when they are loaded.
    variables
        Of the environment of all runs, beyond our own.
    """

    def __init__(self, log: Path, variables: Mapping[str, str]) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        self._ready: bool | None = None  # None: not known yet
        log.parent.mkdir(parents=True, exist_ok=True)
        with theirs, log.open("wb") as said:
            self._process = subprocess.Popen(
                (*_PROGRAM, str(theirs.fileno()), str(log)),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                env={**os.environ, **variables},
                start_new_session=True,
            )

    @contextmanager
    def launch(self, settings: Settings, variables: Mapping[str, str]) -> Iterator[Supervised]:
        """Start a supervisor, and by it the run, as forks of the template.

        Where there is none, for example because a library cannot be imported, both are fresh
        interpreters as `topoeval.harness.job.fresh` starts them, whose logs say what is wrong.
        """
        life_read, life_write = os.pipe()
        words_read, words_write = os.pipe()
        with (
            os.fdopen(life_write, "wb", buffering=0) as life_line,
            os.fdopen(words_read, "rb") as words,
        ):
            request = {"settings": asdict(settings), "variables": dict(variables)}
            asked = self._ask(json.dumps(request).encode(), [life_read, words_write])
            os.close(life_read)
            os.close(words_write)
            if asked:
                yield Supervised(life_line, words)
        if not asked:
            with fresh(settings, variables) as supervised:
                yield supervised

    def close(self) -> None:
        """End the template; runs under way go on."""
        self._process.kill()
        self._process.wait()
        self._channel.close()

    def _ask(self, request: bytes, descriptors: list[int]) -> bool:
        """Send a request; return whether there is somebody to answer it."""
        with self._lock:
            if self._ready is None:
                self._ready = self._channel.recv(len(_READY)) == _READY
            if self._ready:
                try:
                    socket.send_fds(self._channel, [request], descriptors)
                except (BrokenPipeError, ConnectionResetError):
                    self._ready = False
            return self._ready


class _InFork(BaseException):
    """Leads the fork of a supervisor out of it: what follows is the run."""


class _Fork:
    """A fork of this process, which goes on with `_InFork`; else as `subprocess.Popen`."""

    def __init__(self, keep: frozenset[int]) -> None:
        life_read, self._life_line = os.pipe()
        words_read, words_write = os.pipe()
        self._ended = False
        self.returncode = 0
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            die_with_parent()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            _stand_on(life_read, words_write, keep)
            raise _InFork
        os.close(life_read)
        os.close(words_write)
        self.stdout: IO[bytes] | None = os.fdopen(words_read, "rb")

    def poll(self) -> int | None:
        """Return the exit code if it has ended, negative for a signal."""
        return self._reap(os.WNOHANG)

    def wait(self) -> int:
        """Wait for its end and return the exit code."""
        self._reap(0)
        return self.returncode

    def _reap(self, options: int) -> int | None:
        if not self._ended:
            pid, status = os.waitpid(self.pid, options)
            if pid == 0:
                return None
            self._ended = True
            self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def _open_descriptors() -> frozenset[int]:
    return frozenset(int(name) for name in os.listdir("/proc/self/fd"))


def _stand_on(standard_in: int, standard_out: int, keep: frozenset[int]) -> None:
    """Make these the standard streams, and close what the template did not have open."""
    os.dup2(standard_in, 0)
    os.dup2(standard_out, 1)
    os.dup2(standard_out, 2)
    for descriptor in _open_descriptors() - keep:
        with suppress(OSError):  # the one that the list was read with
            os.close(descriptor)


def _next_request(channel: socket.socket) -> tuple[bytes, list[int]] | None:
    """Fork for each request and return it in the fork; return None at the end of all."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, _MOST_BYTES, 2)
        if not message:
            return None
        if os.fork() == 0:
            return message, descriptors
        for descriptor in descriptors:
            os.close(descriptor)


def _as_if_fresh() -> None:
    """Undo what a fresh interpreter would not share with its siblings: their random numbers."""
    import numpy as np

    random.seed()
    np.random.seed()  # noqa: NPY002 (for methods that use the global generator)


def main(descriptor: int) -> None:
    """Load the libraries, then be forked from until the socket closes."""
    for name in _LOADED:
        importlib.import_module(name)
    keep = _open_descriptors() - {descriptor}
    # what is never collected is never written to, and stays shared with the forks
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody here asks how a supervisor ended
    channel = socket.socket(fileno=descriptor)
    channel.send(_READY)
    if (request := _next_request(channel)) is None:
        return
    message, (life_line, words) = request
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    _stand_on(life_line, words, keep)
    asked = json.loads(message)
    os.environ.update(asked["variables"])
    settings = Settings(**asked["settings"])
    if _supervise(settings, keep):
        os._exit(0)  # it is a supervisor, and has nothing to tidy up that a library would
    _as_if_fresh()
    from topoeval.harness import worker

    worker.main(settings.command[len(WORKER) :])


def _supervise(settings: Settings, keep: frozenset[int]) -> bool:
    """Return true in the supervisor, at its end, and false in the run, at its beginning."""

    def start(command: Sequence[str]) -> _Fork:
        return _Fork(keep)

    try:
        supervisor.supervise(settings, start)
    except _InFork:
        return False
    return True


if __name__ == "__main__":
    main(int(sys.argv[1]))
