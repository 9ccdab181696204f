"""Is it right on the device: kernels, bars and matchings, against the native engine."""

import itertools
import sys
import time
import warnings
from functools import partial

import torch
from losses import inputs

from on_gpu.cases import CORES, dims_of, maps, triton, ways
from topoeval import Topology
from topoeval.persistence import compute, match
from topoeval.persistence._parallel.choice import kernels_apply
from topoeval.persistence.backends.native import Native
from topoeval.persistence.backends.torch import Torch

# What a record of a check has to say.
CLAIMS = {
    "correctness": ("same_bars_as_native", "same_table_20_times"),
    "matching": ("same_matching_as_native",),
}


def holds(records):
    """Return whether every check among the records was finished and found what it claims."""
    return all(record.get(name) for record in records for name in CLAIMS.get(record["what"], ()))


def try_kernels(bench):
    """Record whether the Triton kernels compile and answer right here, and how long that takes."""
    for ndim in (2, 3):
        bench.measure(partial(_trial, bench, ndim), 120, "triton", ndim=ndim)


def _trial(bench, ndim):
    start = time.perf_counter()
    with triton(True), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        works = kernels_apply(bench.device, 1, ndim)
    reason = next((str(w.message) for w in caught if w.category is RuntimeWarning), None)
    if not works and reason is None:
        reason = "no GPU, or triton is not installed"
    return {
        "used": works,
        "seconds_of_trial": time.perf_counter() - start,
        "version": sys.modules["triton"].__version__ if works else None,
        "reason": reason,
    }


def check_bars(bench, shapes):
    """Record whether the bars on the device are those of the native engine, each time."""
    kinds = itertools.product(shapes.items(), "VT", ("probability", "noise", "tied"))
    for (name, shape), construction, kind in kinds:
        work = partial(_check, bench, shape, kind, Topology(construction))
        names = {"shape": name, "construction": construction, "images": kind}
        bench.measure(work, 60, "correctness", **names)


def _check(bench, shape, kind, topology):
    ndim = len(shape) - 2
    x = maps(shape, kind)
    native = Native(threads=CORES)
    expected = compute(x, topology, backend=native, spatial_dims=ndim).multiset()
    on_device = x.to(bench.device)
    engine = Torch(threads=CORES)
    images, dims = on_device.flatten(0, 1), dims_of(shape)[-1]
    same_bars, tables = {}, []
    for way in ways(bench, ndim):
        with triton(way == "triton"):
            found = compute(on_device, topology, backend=engine, spatial_dims=ndim).multiset()
            same_bars[way] = found == expected
            tables += [engine.compute_tensor(images, topology, dims) for _ in range(20)]
    return {
        "bars": len(expected),
        "ways": list(same_bars),
        "same_bars_as_native": all(same_bars.values()),
        "same_table_20_times": all(torch.equal(table, tables[0]) for table in tables),
    }


def check_matchings(bench, shapes):
    """Record whether 2D maps match masks on the device as by the native engine, and the times."""
    planes = {name: shape for name, shape in shapes.items() if len(shape) == 4}
    for (name, shape), construction in itertools.product(planes.items(), "VT"):
        work = partial(_matching, bench, shape, Topology(construction))
        bench.measure(work, 60, "matching", shape=name, construction=construction)


def _matching(bench, shape, topology):
    maps = [x.to(bench.device) for x in (inputs(shape)[0].detach().sigmoid(), inputs(shape)[1])]
    calls = {
        engine: partial(match, *maps, topology, spatial_dims=2, backend=engine, threads=CORES)
        for engine in ("torch", "native")
    }
    rows = {engine: _rows(call()) for engine, call in calls.items()}
    return {
        "rows": len(rows["native"]),
        "same_matching_as_native": rows["torch"] == rows["native"],
        "times": bench.interleaved(calls),
    }


def _rows(found):
    columns = (found.image, found.dim, found.p_birth, found.p_death, found.g_birth, found.g_death)
    return sorted(torch.stack(columns).T.tolist())
