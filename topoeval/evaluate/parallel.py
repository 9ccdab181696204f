"""One function over many cases, on several processes; a case that fails is a problem of its own."""

from __future__ import annotations

import multiprocessing
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from topoeval import plugins
from topoeval.errors import UserError
from topoeval.limits import limit_memory

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a file.

    Parameters
    ----------
    file
        Its path.
    message
        One line that names it.
    """

    file: str
    message: str


@dataclass(frozen=True, slots=True)
class Died(Problem):
    """The process that worked on a file died, of want of memory for one."""


class Lanes(Protocol):
    """Where cases are worked on: processes of this machine, or an engine that has others."""

    def over(
        self,
        function: Callable[[Item], Result],
        items: Iterable[Item],
        name: Callable[[Item], str],
    ) -> Iterator[tuple[int, Result | Problem]]:
        """Yield the position of each item and what the function made of it; see `Workers.over`."""
        ...


@dataclass(frozen=True, slots=True)
class _Unfit:
    """A process cannot work under its limit, and no other one could."""

    message: str


# Why this process cannot work.
_unfit: list[str] = []


class Workers:
    """Processes that work side by side, each on one item at a time.

    A process that dies costs the item that it worked on, which becomes a `Died`; another takes its
    place, and the others never stop. With one job everything happens in this process.

    Parameters
    ----------
    jobs
        Processes side by side.
    memory
        Bytes that each of them may use; then there are processes with one job, too. What needs more
        raises `MemoryError` there.
    """

    def __init__(self, jobs: int, memory: int | None = None) -> None:
        self.jobs = jobs
        self.memory = memory
        self._pools: list[ProcessPoolExecutor | None] = [None] * jobs

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pool in self._pools:
            if pool is not None:
                pool.shutdown(cancel_futures=True)

    def over(
        self,
        function: Callable[[Item], Result],
        items: Iterable[Item],
        name: Callable[[Item], str],
    ) -> Iterator[tuple[int, Result | Problem]]:
        """Yield the position of each item and what the function made of it, as they finish.

        A `topoeval.errors.UserError` and a `MemoryError` become a `Problem`. At most two results
        per process wait to be taken: what a caller does not keep is not held here either.

        Parameters
        ----------
        function
            Must be importable by other processes, its items and results picklable.
        items
            Each is one call.
        name
            The path that a problem of an item names.
        """
        work = enumerate(items)
        if self.jobs == 1 and self.memory is None:
            for position, item in work:
                yield position, guarded(function, item, name(item))
            return
        results: queue.Queue[tuple[int, Any] | None] = queue.Queue(2 * self.jobs)
        lock, stopped = threading.Lock(), threading.Event()

        def lane(place: int) -> None:
            try:
                while not stopped.is_set():
                    with lock:
                        position, item = next(work, (-1, None))
                    if position < 0:
                        break
                    results.put((position, self._alone(place, function, item, name)))
            except BaseException as error:  # carried to whoever takes the results
                results.put((-1, error))
            finally:
                results.put(None)

        threads = [threading.Thread(target=lane, args=(place,)) for place in range(self.jobs)]
        for thread in threads:
            thread.start()
        running = self.jobs
        try:
            while running:
                found = results.get()
                if found is None:
                    running -= 1
                elif found[0] < 0:
                    raise found[1]
                else:
                    yield found
        finally:
            stopped.set()
            while running:
                running -= results.get() is None
            for thread in threads:
                thread.join()

    def _alone(self, place: int, function: Any, item: Any, name: Callable[[Any], str]) -> Any:
        """Call the function in the process of a lane."""
        pool = self._pools[place]
        if pool is None:
            # Forking a process that has threads, as a progress display does, can hang.
            pool = ProcessPoolExecutor(
                1,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_start,
                initargs=(self.memory,),
            )
            self._pools[place] = pool
        path = name(item)
        try:
            result = pool.submit(_limited, function, item, path).result()
            if isinstance(result, _Unfit):
                raise UserError(result.message)
            return result
        except BrokenProcessPool:
            pool.shutdown()
            self._pools[place] = None
            return Died(path, f"{path}: the process died, perhaps out of memory")


@dataclass(frozen=True)
class Threads:
    """Threads of this process, for functions that let others run beside them.

    Parameters
    ----------
    jobs
        How many.
    """

    jobs: int

    def over(
        self,
        function: Callable[[Item], Result],
        items: Iterable[Item],
        name: Callable[[Item], str],
    ) -> Iterator[tuple[int, Result | Problem]]:
        """Yield each result in the order of the items; see `Workers.over`."""
        with ThreadPoolExecutor(self.jobs) as pool:
            yield from enumerate(pool.map(lambda item: guarded(function, item, name(item)), items))


def _start(memory: int | None) -> None:
    """Make a new process ready."""
    plugins.load_in_worker()
    if memory is not None:
        try:
            limit_memory(memory)
        except UserError as error:  # raised here, it would be the death of a process for each item
            _unfit.append(str(error))


def _limited(function: Any, item: Any, path: str) -> Any:
    return _Unfit(_unfit[0]) if _unfit else guarded(function, item, path)


def guarded(function: Callable[[Item], Result], item: Item, path: str) -> Result | Problem:
    """Call a function; what a user can mend, and want of memory, become a `Problem` of `path`."""
    try:
        return function(item)
    except UserError as error:
        return Problem(path, str(error))
    except MemoryError:
        return Problem(path, f"{path}: out of memory")
