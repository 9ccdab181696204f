"""A process that has imported what runs import; runs are forks of it.

Importing torch and MONAI takes seconds; forking a process that has them takes milliseconds. The
template executes nothing itself: a run begins with the imported libraries and nothing else that
a fresh interpreter would not have.

As a program: ``python -m topoeval.harness.runs.template DESCRIPTOR LOG``. DESCRIPTOR is a socket;
LOG only makes the process known in a list of processes. A message on the socket names modules. A
message with two pipes, the standard input and output of a supervisor (see
`topoeval.harness.runs.supervisor`), asks for a run: the template imports the modules, forks the
supervisor and replies. A message without pipes names modules that later runs will need: the
template imports them one by one while no run is asked for. It ends when the socket closes.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from topoeval.harness.runs import supervisor
from topoeval.harness.runs.job import Supervised, fresh, inherited
from topoeval.harness.runs.supervisor import Settings, die_with_parent

# Linux only: elsewhere the libraries' own threads do not survive a fork
SUPPORTED = sys.platform == "linux"

_PROGRAM = (sys.executable, "-P", "-m", "topoeval.harness.runs.template")
_OF_A_MODULE = (sys.executable, "-P", "-m")
_BEGUN = b"begun"
_MOST_BYTES = 2**17  # of a request, which arrives whole


def can_fork(command: Sequence[str]) -> bool:
    """Whether a fork of a template can be this program: a module of our interpreter, here."""
    return SUPPORTED and tuple(command[:3]) == _OF_A_MODULE and len(command) > 3


class Template:
    """Starts supervised runs as forks of one process, which it starts when it is first needed.

    Parameters
    ----------
    log
        File for what the libraries print while they are imported.
    variables
        Of the environment of all runs, beyond our own.
    """

    def __init__(self, log: Path, variables: Mapping[str, str]) -> None:
        self._log = log
        self._variables = dict(variables)
        # not the log itself: this may begin before it is known that there will be a sweep
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `close`)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._closed = False

    def load(self, modules: Iterable[str]) -> None:
        """Import these, in this order, while no run is asked for; return at once."""
        names = list(modules)
        if names and SUPPORTED:
            with self._lock:
                self._send({"modules": names}, [])

    @contextmanager
    def launch(
        self, settings: Settings, variables: Mapping[str, str], modules: Sequence[str] = ()
    ) -> Iterator[Supervised]:
        """Start a supervisor, and by it the run, as forks that have imported `modules`.

        Where there is no template, for example because a module cannot be imported, both are fresh
        interpreters as `topoeval.harness.runs.job.fresh` starts them, whose logs say what is wrong.
        """
        input_read, input_write = os.pipe()
        output_read, output_write = os.pipe()
        with (
            os.fdopen(input_write, "wb", buffering=0) as input_,
            os.fdopen(output_read, "rb") as output,
        ):
            request = {
                # the module itself, for what it imports: it is not yet run
                "modules": [*modules, settings.command[len(_OF_A_MODULE)]],
                "settings": asdict(settings),
                # some may have been set since the template was started
                "variables": {**inherited(), **variables},
            }
            try:
                begun = self._begun(request, [input_read, output_write])
            finally:
                os.close(input_read)
                os.close(output_write)
            if begun:
                yield Supervised(input_, output)
        if not begun:
            with fresh(settings, variables) as supervised:
                yield supervised

    def close(self) -> None:
        """End the template; runs under way go on."""
        self._closed = True
        # a thread that waits for a reply holds the lock; the end of the process releases it
        if self._process is not None:
            self._process.kill()
        with self._lock:
            if self._said.closed:
                return
            if self._process is not None:
                self._process.wait()
            if self._channel is not None:
                self._channel.close()
            with self._said:
                self._said.seek(0)
                # a sweep that was refused has no folder
                if (said := self._said.read()) and self._log.parent.is_dir():
                    self._log.write_bytes(said)

    def _begun(self, request: Mapping[str, object], descriptors: list[int]) -> bool:
        """Ask for a run; return whether it was begun. One is asked for at a time."""
        with self._lock:
            if not self._send(request, descriptors) or self._closed:
                return False
            assert self._channel is not None
            with suppress(ConnectionResetError):
                return self._channel.recv(len(_BEGUN)) == _BEGUN
            return False

    def _send(self, request: Mapping[str, object], descriptors: list[int]) -> bool:
        """Send a message; return whether a process reads it."""
        if self._closed:
            return False
        if self._channel is None:
            self._start()
        assert self._channel is not None
        try:
            socket.send_fds(self._channel, [json.dumps(request).encode()], descriptors)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def _start(self) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                (*_PROGRAM, str(theirs.fileno()), str(self._log)),
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                env={**os.environ, **self._variables},
                start_new_session=True,
            )


class _InFork(BaseException):
    """Raised in the fork of a supervisor, which then executes the run."""


class _Fork:
    """A fork of this process, in which `_InFork` is raised; otherwise as `subprocess.Popen`."""

    def __init__(self, keep: frozenset[int]) -> None:
        input_read, self._input = os.pipe()
        output_read, output_write = os.pipe()
        self._ended = False
        self.returncode = 0
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            die_with_parent()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            _use_as_standard_streams(input_read, output_write, keep)
            raise _InFork
        os.close(input_read)
        os.close(output_write)
        self.stdout: IO[bytes] | None = os.fdopen(output_read, "rb")

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
    listed = [int(name) for name in os.listdir("/proc/self/fd")]
    # less the one that the list was read with
    return frozenset(number for number in listed if os.path.lexists(f"/proc/self/fd/{number}"))


def _use_as_standard_streams(standard_in: int, standard_out: int, keep: frozenset[int]) -> None:
    """Make these the standard streams, and close what the template did not have open."""
    os.dup2(standard_in, 0)
    os.dup2(standard_out, 1)
    os.dup2(standard_out, 2)
    for descriptor in _open_descriptors() - keep:
        os.close(descriptor)


def _asked_of_fork(channel: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Import and fork as asked; return a request in its fork, and None at the end of all."""
    ahead: deque[str] = deque()
    supervisors: list[int] = []
    while True:
        if ahead and not select.select([channel], [], [], 0)[0]:
            importlib.import_module(ahead.popleft())
            continue
        message, pipes, _, _ = socket.recv_fds(channel, _MOST_BYTES, 2)
        if not message:
            return None
        request = json.loads(message)
        if not pipes:
            ahead.extend(request["modules"])
            continue
        for name in request["modules"]:
            importlib.import_module(name)
        gc.freeze()
        if (pid := os.fork()) == 0:
            return request, pipes
        for pipe in pipes:
            os.close(pipe)
        # only the supervisors: an import may wait for a process of its own
        supervisors = [pid, *(one for one in supervisors if os.waitpid(one, os.WNOHANG)[0] == 0)]
        channel.send(_BEGUN)


def _as_if_fresh() -> None:
    """Give the fork random numbers of its own, as a fresh interpreter has them."""
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # for methods that use the global generator


def main(descriptor: int) -> None:
    """Import and fork as asked until the socket closes."""
    # what is never collected is never written to, and stays shared with the forks
    gc.disable()
    with socket.socket(fileno=descriptor) as channel:
        try:
            asked = _asked_of_fork(channel)
        except ConnectionError:
            return  # the process that asked has ended
    if asked is None:
        return
    request, (standard_in, standard_out) = asked
    gc.enable()
    os.setsid()
    keep = _open_descriptors() - {standard_in, standard_out}
    _use_as_standard_streams(standard_in, standard_out, keep)
    os.environ.update(request["variables"])
    settings = Settings(**request["settings"])
    if _supervise(settings, keep):
        os._exit(0)  # a supervisor has nothing that the libraries' exit handlers should tidy up
    _as_if_fresh()
    module, *arguments = settings.command[len(_OF_A_MODULE) :]
    # as the interpreter's own -m does it, for which the module has not been imported
    sys.modules.pop(module, None)
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _supervise(settings: Settings, keep: frozenset[int]) -> bool:
    """Return true in the supervisor when its run has ended; false in the fork that is the run."""

    def start(command: Sequence[str]) -> _Fork:
        return _Fork(keep)

    try:
        supervisor.supervise(settings, start)
    except _InFork:
        return False
    return True


if __name__ == "__main__":
    main(int(sys.argv[1]))
