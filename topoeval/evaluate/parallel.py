"""One function over many cases, on several processes; a case that fails is a problem of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TypeVar

from topoeval.errors import UserError

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


def over_cases(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    name: Callable[[Item], str],
    jobs: int,
) -> Iterator[tuple[int, Result | Problem]]:
    """Yield the position of each item and what the function made of it, as they finish.

    A `topoeval.errors.UserError` becomes a `Problem`, and so does a process that dies, of want of
    memory for one. With one job everything happens in this process.

    Parameters
    ----------
    function
        Must be importable by other processes, its items and results picklable.
    items
        Each is one call.
    name
        The path that a problem of an item names.
    jobs
        Processes side by side.
    """
    if jobs == 1 or len(items) == 1:
        for position, item in enumerate(items):
            yield position, _guarded(function, item, name(item))
        return
    unfinished = dict(enumerate(items))
    with _pool(min(jobs, len(items))) as pool:
        for position, result in _finished(pool, function, unfinished, name):
            del unfinished[position]
            yield position, result
    # A process that dies takes the pool with it; each case it left goes on alone, to be found out.
    for position, item in unfinished.items():
        with _pool(1) as pool:
            alone = dict(_finished(pool, function, {position: item}, name))
        died = Problem(name(item), f"{name(item)}: the process died, perhaps out of memory")
        yield position, alone.get(position, died)


def _finished(
    pool: ProcessPoolExecutor,
    function: Callable[[Item], Result],
    items: dict[int, Item],
    name: Callable[[Item], str],
) -> Iterator[tuple[int, Result | Problem]]:
    """Yield results until all are there or the pool is broken."""
    futures: dict[Future[Result | Problem], int] = {
        pool.submit(_guarded, function, item, name(item)): position
        for position, item in items.items()
    }
    try:
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool:
        return
    finally:
        pool.shutdown(cancel_futures=True)


def _pool(jobs: int) -> ProcessPoolExecutor:
    # Forking a process that has threads, as a progress display does, can hang.
    return ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))


def _guarded(function: Callable[[Item], Result], item: Item, path: str) -> Result | Problem:
    try:
        return function(item)
    except UserError as error:
        return Problem(path, str(error))
    except MemoryError:
        return Problem(path, f"{path}: out of memory")
