"""Draw a whole split, on several cores."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from topoeval.datasets.sample import Dataset, Sample


def generate(dataset: Dataset, processes: int = 1) -> Iterator[Sample]:
    """Yield the samples of a dataset in order, drawn by several processes; the bits are the same.

    Parameters
    ----------
    dataset
        Any dataset; with a cache, each sample is kept as soon as it is drawn.
    processes
        1 stays in this process.

    Examples
    --------
    >>> from topoeval import datasets
    >>> [sample.case for sample in generate(datasets.load("strokes", "test", 2))]
    ['test-00000', 'test-00001']
    """
    if processes <= 1 or len(dataset) <= 1:
        yield from dataset
        return
    # Not forked: a fork copies the locks of whatever threads the caller has running.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(dataset)), mp_context=context) as pool:
        chunk = max(1, len(dataset) // (4 * processes))
        yield from pool.map(partial(_sample, dataset), range(len(dataset)), chunksize=chunk)


def _sample(dataset: Dataset, index: int) -> Sample:
    return dataset[index]
