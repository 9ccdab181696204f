"""The supervisor: a process that holds a run to its limits and ends all that the run started.

As a program: ``python supervisor.py SETTINGS``, where SETTINGS is a JSON object with the keys of
`Settings`. When standard input closes, the process that started the run has ended or no longer
wants it, and the run is killed. The last line on standard output is an `Ending`, as JSON.

It is started by its path and imports nothing of topoeval, so that it costs a run 50 ms and not
the seconds that its libraries need; or it is forked by `topoeval.harness.runs.template`, which has
them, and then forks the run.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import select
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Literal, Protocol

import psutil

from topoeval.whole_file import write_text

Cause = Literal["exit", "timeout", "memory", "stopped", "found", "busy"]

_TICK_S = 0.2
_BEAT_S = 2.0
_LOCK_PATIENCE_S = 60.0
_END_PATIENCE_S = 10.0
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


@dataclass(frozen=True)
class Settings:
    """What to run and how far to let it go.

    Parameters
    ----------
    command
        The program and its arguments.
    work
        Folder for ``log.txt``, ``heartbeat.json`` and ``lock``; the run may leave its ``step`` in
        it.
    record
        The file that the run is to leave. If it is there already, a leftover of an earlier sweep
        has written it, and nothing is run.
    timeout_s, grace_s
        Time until the process group gets SIGTERM; time from there until it gets SIGKILL.
    memory_bytes
        Limit of the memory of all its processes together.
    log_bytes
        Size of the log at which its middle is left out.
    """

    command: Sequence[str]
    work: str
    record: str
    timeout_s: float
    memory_bytes: int
    grace_s: float = 5.0
    log_bytes: int = 2**21


@dataclass(frozen=True)
class Ending:
    """How a supervised process ended.

    ``cause`` says what ended it: itself (``exit``), its limit of time or memory, the closed input
    (``stopped``); or it was never begun, since its record was there (``found``) or another process
    was at it (``busy``). ``code`` is as in `subprocess`: negative for a signal. ``memory_bytes`` is
    the limit that held, ``oom_kill`` whether the kernel killed for memory meanwhile.
    """

    cause: Cause
    code: int = 0
    wall_s: float = 0.0
    peak_rss_bytes: int = 0
    memory_bytes: int = 0
    oom_kill: bool = False


class Process(Protocol):
    """What is supervised: the leader of a process group, as `subprocess.Popen` has it."""

    pid: int
    returncode: int
    stdout: IO[bytes] | None

    def poll(self) -> int | None:
        """Return the exit code if it has ended, negative for a signal."""
        ...

    def wait(self) -> int:
        """Wait for its end and return the exit code."""
        ...


Start = Callable[[Sequence[str]], Process]


def spawn(command: Sequence[str]) -> Process:
    """Start a program that lives no longer than we do, with its output in a pipe."""
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,  # closes with us: how the worker notices, where there is no prctl
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=die_with_parent,  # this process has one thread, so that is safe
    )


class CappedLog:
    """The head and the tail of a stream of any length, in a file of bounded size."""

    def __init__(self, path: Path, size: int) -> None:
        self._file = path.open("wb", buffering=0)
        self._room = size // 2
        self._tail_size = size - self._room
        self._tail = bytearray()
        self._head_end = 0
        self._dropped = 0
        self.seen = 0

    @property
    def full(self) -> bool:
        """Whether something had to be left out."""
        return self._dropped > 0

    def write(self, data: bytes) -> None:
        """Take in what was printed; the head is in the file at once, the tail after `flush`."""
        self.seen += len(data)
        head, rest = data[: self._room], data[self._room :]
        if head:
            # of a full disk the record will tell, if it still is full by then
            with suppress(OSError):
                self._file.write(head)
            self._room -= len(head)
            self._head_end += len(head)
        self._tail += rest
        if (excess := len(self._tail) - self._tail_size) > 0:
            del self._tail[:excess]
            self._dropped += excess

    def flush(self) -> None:
        """Put the newest tail behind the head."""
        if not self._tail:
            return
        with suppress(OSError):
            self._file.seek(self._head_end)
            self._file.truncate()
            if self._dropped:
                self._file.write(b"\n... %d bytes left out ...\n" % self._dropped)
            self._file.write(self._tail)

    def close(self) -> None:
        """Flush and close."""
        self.flush()
        self._file.close()


class Supervisor:
    """One process group, watched until it and all that came of it are gone."""

    def __init__(self, settings: Settings, start: Start = spawn) -> None:
        self._settings = settings
        self._start = start
        self._work = Path(settings.work)
        self._limit = settings.memory_bytes
        self._peak = 0
        self._used = 0
        self._stop = False
        self._sign = ("", 0)
        self._active = time.time()

    def run(self) -> Ending:
        """Start the process, see it to its end and tell how that came."""
        signal.signal(signal.SIGTERM, self._on_signal)
        kills = _oom_kills()
        clock = time.monotonic()
        log = CappedLog(self._work / "log.txt", self._settings.log_bytes)
        process = self._start(self._settings.command)
        try:
            cause = self._watch(process, log)
        finally:
            _end_all(process)
            log.close()
        if cause == "stopped":
            (self._work / "heartbeat.json").unlink(missing_ok=True)
        return Ending(
            cause=cause,
            code=process.returncode,
            wall_s=time.monotonic() - clock,
            peak_rss_bytes=self._peak,
            memory_bytes=self._limit,
            oom_kill=_oom_kills() > kills,
        )

    def _watch(self, process: Process, log: CappedLog) -> Cause:
        """Wait until the leader has ended; return what ended it."""
        begun = time.monotonic()
        deadline = begun + self._settings.timeout_s
        kill_at = float("inf")
        next_look = next_beat = begun
        cause: Cause = "exit"
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(sys.stdin.buffer, selectors.EVENT_READ)
            selector.register(process.stdout, selectors.EVENT_READ)
            while process.poll() is None:
                for key, _ in selector.select(_TICK_S):
                    if key.fileobj is process.stdout:
                        if not self._take(process.stdout, log):
                            selector.unregister(process.stdout)
                    elif not os.read(sys.stdin.fileno(), 4096):
                        self._stop = True
                now = time.monotonic()
                if now >= next_look:
                    spent = time.process_time()
                    self._used = self._memory()
                    # a look walks over all processes: a hundredth of a core, but never rarely
                    spent = time.process_time() - spent
                    next_look = now + min(_BEAT_S / 2, max(_TICK_S, 100 * spent))
                    if self._used > self._limit and cause == "exit":
                        cause, kill_at = "memory", now
                if now >= next_beat:
                    self._beat(process.pid, log)
                    next_beat = now + _BEAT_S
                if self._stop:
                    cause, kill_at = "stopped", now
                elif now >= deadline and cause == "exit":
                    cause, kill_at = "timeout", now + self._settings.grace_s
                    _signal_group(process.pid, signal.SIGTERM)
                if now >= kill_at:
                    _signal_group(process.pid, signal.SIGKILL)
                    process.wait()
        if cause == "exit" and process.returncode == -signal.SIGTERM:
            # a signal to the whole job may have reached the process before us
            time.sleep(_TICK_S)
            if self._stop:
                cause = "stopped"
        # what is still in the pipe; a process that holds it open must not hold us
        os.set_blocking(process.stdout.fileno(), False)
        with suppress(BlockingIOError):
            while self._take(process.stdout, log):
                pass
        return cause

    def _take(self, stream: IO[bytes], log: CappedLog) -> bool:
        """Move what was printed to the log; return whether there can be more."""
        if log.full:
            # a process that prints without end waits for us and does not keep two cores busy
            time.sleep(0.01)
        data = os.read(stream.fileno(), 2**16)
        log.write(data)
        return bool(data)

    def _memory(self) -> int:
        """Return the memory of everything below this process.

        It is what a run would need alone, wherever it is executed: pages that its processes share,
        with one another or with the template that they were forked from, count once and in full.
        Resident sets count them once per process; only near the limit is it worth the time to tell
        them apart. Proportional sets see what several groups of processes share, each another
        memory, and give only a part of what is shared with the template: the larger number counts.
        """
        below = psutil.Process().children(recursive=True)
        used = sum(each.rss for each in _each(below, "memory_info"))
        if used > self._limit and len(below) > 1 and sys.platform == "linux":
            full = _each(below, "memory_full_info")
            shared = max((each.rss - each.uss for each in full), default=0)
            alone = sum(each.uss for each in full) + shared
            used = max(alone, sum(each.pss for each in full))
        self._peak = max(self._peak, used)
        return used

    def _beat(self, pid: int, log: CappedLog) -> None:
        """Leave a line about how far the run is; it is active while it prints or counts steps."""
        log.flush()
        now = time.time()
        sign = (_text(self._work / "step"), log.seen)
        if sign != self._sign:
            self._sign, self._active = sign, now
        beat = {
            "time": round(now, 1),
            "active": round(self._active, 1),
            "host": socket.gethostname(),
            "pid": pid,
            "rss_bytes": self._used,
            "step": sign[0],
        }
        with suppress(OSError):  # a sign of life, and no reason to end
            write_text(self._work / "heartbeat.json", json.dumps(beat) + "\n")

    def _on_signal(self, number: int, frame: object) -> None:
        self._stop = True


def _each(processes: Sequence[psutil.Process], measure: str) -> list[Any]:
    """Return a measure of those processes that are still there."""
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):  # it ended while we counted
            found.append(getattr(process, measure)())
    return found


def _text(path: Path) -> str:
    """Return the text of a small file, the empty one if there is none."""
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _oom_kills() -> int:
    """Return how often the kernel of this machine has killed a process because memory ran out."""
    for line in _text(Path("/proc/vmstat")).splitlines():
        if line.startswith("oom_kill "):
            return int(line.split()[1])
    return 0


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def die_with_parent() -> None:
    """After a fork: be killed with the supervisor, and by the kernel before others."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # gone already; macOS says so of zombies
        os.killpg(pid, number)


def _end_all(process: Process) -> None:
    """Kill the group, and all that left the group but descends from it."""
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + _END_PATIENCE_S
    while time.monotonic() < deadline and (rest := psutil.Process().children(recursive=True)):
        for orphan in rest:
            with suppress(psutil.NoSuchProcess):
                orphan.kill()
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.01)


def _locked(path: Path) -> IO[str] | None:
    """Return the lock of the run's folder; None where another process keeps it.

    A supervisor whose sweep was killed needs a moment to end its run; two must not be at one.
    """
    lock = path.open("w")
    deadline = time.monotonic() + _LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            if time.monotonic() > deadline:
                return None
        if select.select([sys.stdin], [], [], 0.05)[0]:
            raise SystemExit("the run is no longer wanted")


def supervise(settings: Settings, start: Start = spawn) -> None:
    """Supervise a command from its start to its end, and print what became of it."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)  # what a run detaches from itself becomes our child
    lock = _locked(Path(settings.work) / "lock")
    if lock is None:
        ending = Ending("busy")
    elif Path(settings.record).exists():
        ending = Ending("found")
    else:
        ending = Supervisor(settings, start).run()
    print(json.dumps(asdict(ending)), flush=True)


if __name__ == "__main__":
    supervise(Settings(**json.loads(sys.argv[1])))
