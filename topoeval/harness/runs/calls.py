"""Calls of one function on many items, sent to an executor a few at a time.

`Sent` is to `topoeval evaluate` and `topoeval repair` what `topoeval.evaluate.parallel.Workers` is
on one machine. A process that dies costs the item it was at; a place that is lost costs no result
that was there, and its other items are named. Results lie in files until they are taken, so that
each arrives as soon as it is there.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from topoeval.errors import UserError
from topoeval.evaluate.parallel import Died, Problem
from topoeval.harness.runs.blame import outcome_without_record
from topoeval.harness.runs.executors import Executor
from topoeval.harness.runs.job import Launch, fresh, inherited, supervise, thread_variables
from topoeval.harness.runs.lock_file import open_lock
from topoeval.harness.runs.orders import AT, CWD, ORDER, Order, Raised, result_file
from topoeval.harness.runs.supervisor import Ending
from topoeval.harness.suites.suite import Limits
from topoeval.records.record import Fault, Status
from topoeval.whole_file import write_bytes, write_text

Item = TypeVar("Item")
Result = TypeVar("Result")

_CALLER = (sys.executable, "-P", "-m", "topoeval.harness.runs.caller")
_REASON = "reason.txt"
_POLL_S = 0.5
# A case is not known to take long: the limit is for one that would never end.
_TIMEOUT_S = 12 * 3600.0
# of items in one process where there are places enough: below it, starting costs more than it gives
_TOGETHER = 16
# Four parts for each place: none waits long for the last one.
_ROUNDS = 4


@dataclass(frozen=True)
class Calls:
    """Calls on a few items: a `topoeval.harness.runs.work.Work`, done one after another.

    Its result is why some calls have none, empty where all have.

    Parameters
    ----------
    root
        The folder that is shared with other machines.
    folder
        In it, for these calls alone; `write` fills it.
    label
        What people call them.
    names
        What a problem of each item names.
    limits
        Of the process.
    threads
        Threads of the process.
    environ
        Variables of the process beyond those of the place where it is started.
    """

    root: Path
    folder: Path
    label: str
    names: tuple[str, ...]
    limits: Limits
    threads: int = 1
    environ: Mapping[str, str] = field(default_factory=dict)
    grace_s: float = 5.0
    device: str = "cpu"

    def write(
        self, function: Callable[[Any], Any], items: Sequence[Any], memory: int | None
    ) -> None:
        """Write down what is to be done, for the process that does it."""
        write_text(self.folder / CWD, os.getcwd())
        order = Order(function, tuple(items), self.names, memory)
        write_bytes(self.folder / ORDER, pickle.dumps(order))

    def run(self, stopped: Callable[[], bool] = lambda: False, launch: Launch = fresh) -> str:
        """Do the calls that have no result yet; a process that dies costs the item it was at."""
        (self.folder / _REASON).unlink(missing_ok=True)
        reason, again = "", set[int]()
        while not reason and (missing := self.missing()):
            (self.folder / AT).unlink(missing_ok=True)
            ending, printed = supervise(
                (*_CALLER, str(self.folder)),
                self.folder,
                self.folder / "never",
                self.limits,
                variables={**self.environ, **thread_variables(self.threads)},
                grace_s=self.grace_s,
                stopped=stopped,
                launch=launch,
            )
            if ending is not None and ending.cause == "stopped":
                raise InterruptedError(f"{self.label} was stopped")
            if self.missing():
                reason = self._judged(ending, printed, missing, again)
        write_text(self.folder / _REASON, reason)
        return reason

    def left(self) -> str | None:
        """Return why some calls have no result; None where nothing says so yet."""
        try:
            return (self.folder / _REASON).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def lost(self, status: Status, fault: Fault, reason: str, started: datetime) -> str:
        """Return the reason: a place that is lost is nothing that a case can help."""
        return reason

    def missing(self) -> list[int]:
        """Return the places of the items without a result."""
        places = range(len(self.names))
        return [place for place in places if not result_file(self.folder, place).exists()]

    def take(self, place: int) -> Any:
        """Return the result of an item."""
        return pickle.loads(result_file(self.folder, place).read_bytes())

    def _judged(
        self, ending: Ending | None, printed: Sequence[str], before: list[int], again: set[int]
    ) -> str:
        """Give the item that ended its process a problem; return a reason that holds for all.

        What the machine is to blame for is tried a second time, and then in `again`.
        """
        outcome = outcome_without_record(ending, self.limits, [])
        at = self.folder / AT
        if not at.is_file():
            log = self.folder / "log.txt"
            tail = log.read_text(errors="replace").splitlines() if log.is_file() else []
            told = [line for line in (*printed, *tail) if line.strip()][-1:]
            return ": ".join(["no process could be started", outcome["error"], *told])
        if ending is None or ending.cause == "busy":
            return str(outcome["error"])
        place = int(at.read_text())
        if place not in self.missing():
            # between two items: no item is the cause, but without a step forward it would not end
            return "" if len(self.missing()) < len(before) else str(outcome["error"])
        if outcome["fault"] == "machine" and place not in again:
            again.add(place)
            return ""
        name = self.names[place]
        died = Died(name, f"{name}: the process died ({outcome['error']}), perhaps out of memory")
        write_bytes(result_file(self.folder, place), pickle.dumps(died))
        return ""


class Sent:
    """An executor as the place where cases are worked on; see `topoeval.evaluate.parallel.Lanes`.

    Parameters
    ----------
    executor
        Where calls are sent.
    root
        A folder that all its machines see under the same name; made if it is not there. What is
        sent lies in ``work`` inside it while it is worked on.
    memory
        Bytes that each process may use; None leaves it to the place.
    timeout_s
        Seconds that a few calls may take together.
    """

    def __init__(
        self,
        executor: Executor,
        root: Path,
        *,
        memory: int | None = None,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        self._executor = executor
        self._root = root.resolve()
        self._memory = memory
        # a process is ended a little beyond the limit that it sets itself
        gib = None if memory is None else 1.1 * memory / 2**30
        self._limits = Limits(timeout_s=timeout_s, memory_gib=gib)

    def over(
        self,
        function: Callable[[Item], Result],
        items: Iterable[Item],
        name: Callable[[Item], str],
    ) -> Iterator[tuple[int, Result | Problem]]:
        """Yield the position of each item and what the function made of it, as they finish.

        As `topoeval.evaluate.parallel.Workers.over`; besides, an item whose place was lost becomes
        a `Problem` that says so.

        Raises
        ------
        RuntimeError
            The function has raised what is no user's error; the message is its traceback.
        """
        every = list(items)
        if not every:
            return
        with _scratch(self._root / "work") as folder:
            yield from self._over(function, every, [name(item) for item in every], folder)

    def _over(
        self, function: Callable[[Any], Any], items: list[Any], names: list[str], folder: Path
    ) -> Iterator[tuple[int, Any]]:
        slots = self._executor.slots
        size = _together(len(items), slots)
        starts = iter(range(0, len(items), size))
        running: dict[Future[str], tuple[int, Calls]] = {}
        waiting: dict[int, list[int]] = {}
        with ThreadPoolExecutor(slots) as pool:
            try:
                while True:
                    while len(running) < slots and (first := next(starts, -1)) >= 0:
                        calls = self._calls(function, items, names, first, size, folder)
                        running[pool.submit(self._executor.perform, calls)] = first, calls
                        waiting[first] = list(range(len(calls.names)))
                    if not running:
                        return
                    finished, _ = wait(running, _POLL_S, FIRST_COMPLETED)
                    for first, calls in running.values():
                        yield from _taken(calls, first, waiting[first])
                    for future in finished:
                        first, calls = running.pop(future)
                        reason = future.result()
                        yield from _taken(calls, first, waiting[first])
                        for place in waiting.pop(first):
                            told = f"{calls.names[place]}: {reason}; the same command tries again"
                            yield first + place, Problem(calls.names[place], told)
                        shutil.rmtree(calls.folder, ignore_errors=True)
            except BaseException:
                if running:
                    self._executor.stop()
                raise

    def _calls(
        self,
        function: Callable[[Any], Any],
        items: list[Any],
        names: list[str],
        first: int,
        size: int,
        folder: Path,
    ) -> Calls:
        own = folder / str(first)
        own.mkdir()
        here = slice(first, first + size)
        label = f"{self._root.name} {first + 1} to {min(first + size, len(items))}"
        calls = Calls(self._root, own, label, tuple(names[here]), self._limits, environ=inherited())
        calls.write(function, items[here], self._memory)
        return calls


@contextmanager
def _scratch(work: Path) -> Iterator[Path]:
    """Give a folder of our own, and remove it at the end; also what killed commands have left."""
    made = not work.parent.exists()
    work.mkdir(parents=True, exist_ok=True)
    for other in work.glob("calls-*"):
        with suppress(OSError, UserError), _held(other):
            shutil.rmtree(other, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix="calls-", dir=work))
    try:
        with _held(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # another command may have something in it
            work.rmdir()
            if made:
                work.parent.rmdir()


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a folder; `BlockingIOError` where a command is at work in it."""
    with os.fdopen(open_lock(folder / "held", "a lock", os.O_RDWR), "r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _together(count: int, slots: int) -> int:
    """Return how many items go together."""
    return max(1, -(-count // (_ROUNDS * slots)), min(_TOGETHER, -(-count // slots)))


def _taken(calls: Calls, first: int, waiting: list[int]) -> Iterator[tuple[int, Any]]:
    """Yield the results that are there of those that are waited for."""
    missing = set(calls.missing())
    for place in [one for one in waiting if one not in missing]:
        waiting.remove(place)
        result = calls.take(place)
        if isinstance(result, Raised):
            raise RuntimeError(f"{calls.names[place]}: {result.text}")
        yield first + place, result
