"""Triton kernels: bit for bit what plain torch answers, and compiled for GPUs that are not here.

`tox -e py311-triton` runs them in Triton's interpreter, on CPU tensors: their logic is tested, not
what happens when lanes run at once; for that their rules are (`kernels`). Which version of which
kernel is launched is recorded there and then compiled, without a device, for three targets.
"""

import itertools
import json
import math
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from topoeval import Topology
from topoeval.persistence import compute
from topoeval.persistence._parallel import choice, order, pairing, plain
from topoeval.persistence._parallel.basins import find_basins
from topoeval.persistence._parallel.saddles import saddle_edges

pytest.importorskip("triton", reason="triton is not installed: tox -e py311-triton")
if os.environ.get("TRITON_INTERPRET") != "1":
    pytest.skip("needs TRITON_INTERPRET=1: tox -e py311-triton", allow_module_level=True)

from topoeval.persistence._parallel import fused, kernels

# target: what its text says of the machine, how an atomic is written there, and a minimum of int32
MACHINES = {
    "cuda:75": (r"\.target sm_75", r"\b(?:atom|red)\.\S+", ".min.s32"),
    "cuda:90": (r"\.target sm_90", r"\b(?:atom|red)\.\S+", ".min.s32"),
    "hip:gfx942": (r"amdgcn_target .*gfx942", r"\w+_(?:atomic|cmpswap)\w*", "_atomic_smin"),
}


def pictures(kind, shape, seed=0):
    """One batch as float64, ``(B, *spatial)``."""
    rng = np.random.default_rng(seed)
    axes = np.meshgrid(*map(np.arange, shape[1:]), indexing="ij")
    values = {
        "distinct": lambda: rng.permutation(math.prod(shape)).reshape(shape),
        "tied": lambda: rng.integers(0, 4, shape),
        "constant": lambda: np.zeros(shape),
        "checker": lambda: np.broadcast_to(sum(axes) % 2, shape) + rng.integers(0, 2, shape) / 4,
        "saturated": lambda: (
            4 * ndimage.gaussian_filter(rng.standard_normal(shape), (0, *[1] * (len(shape) - 1)))
        ).clip(-1, 1),
        "serpentine": lambda: np.stack([serpentine(shape[1:])] * shape[0]),
    }[kind]()
    return torch.from_numpy(np.ascontiguousarray(values, dtype=float))


def serpentine(shape):
    """One corridor that fills the image and gets lower along its way, between high walls."""
    way = np.arange(math.prod(shape), dtype=float).reshape(-1, shape[-1])
    way[2::4] = way[2::4, ::-1].copy()
    height = -way
    height[1::4, :-1] += 1000  # a wall after every lane, its gate at one end and then at the other
    height[3::4, 1:] += 1000
    return height.reshape(shape)


KINDS = ["distinct", "tied", "constant", "checker", "saturated", "serpentine"]
SHAPES = [(3, 7, 9), (3, 7, 9), (2, 6, 1), (1, 1, 5), (2, 3, 4, 5), (2, 3, 4, 5)]


def arguments(images, topology, dims=None):
    """What both ways take: order, ranks, sides and graphs."""
    ndim = images.ndim - 1
    voxels = order.voxel_order(order.sortable(images.flatten(1)), topology.superlevel)
    graphs = order.sweeps(topology, range(ndim) if dims is None else dims, ndim)
    return voxels, order.voxel_ranks(voxels), images.shape[1:], graphs


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("construction", ["V", "T"])
def test_minima_and_deaths_are_those_of_plain_torch(kind, construction):
    """Bit for bit, 2D and 3D, one pixel wide, both graphs at once, borders in turn."""
    borders = itertools.cycle(("plain", "framed"))
    for seed, (shape, border) in enumerate(zip(SHAPES, borders, strict=False)):
        topology = Topology(construction, "sublevel", border)
        voxels, ranks, spatial, graphs = arguments(pictures(kind, shape, seed), topology)
        expected = plain.pairs(voxels, ranks, spatial, graphs)
        found = fused.pairs(ranks, spatial, graphs)
        for one, other in zip(found, expected, strict=True):
            assert one.dtype == other.dtype
            assert torch.equal(one, other), f"{shape} {topology}"


@pytest.mark.parametrize("dim", [0, 1])
def test_one_graph_alone(dim):
    """As where one dimension is asked for, more blocks than one, and a launch without saddles."""
    for images in (pictures("tied", (2, 23, 29)), pictures("constant", (1, 4, 4))):
        voxels, ranks, spatial, graphs = arguments(images, Topology(), [dim])
        expected = plain.pairs(voxels, ranks, spatial, graphs)
        assert all(map(torch.equal, fused.pairs(ranks, spatial, graphs), expected))


@pytest.mark.parametrize("shape", [(2, 9, 11), (2, 6, 7, 6)])
@pytest.mark.parametrize("construction", ["V", "T"])
def test_every_step_answers_what_the_reference_does(shape, construction):
    """Basins, edges and each round, bit for bit; so what differs is found where it arises."""
    images = pictures("distinct", shape)
    voxels, ranks, spatial, graphs = arguments(images, Topology(construction, "sublevel"))
    nodes = order.padded_nodes(ranks, graphs, spatial)
    basins = find_basins(nodes, voxels, graphs)
    found, joins = fused.find_basins(ranks, spatial, graphs)
    assert all(map(torch.equal, found, basins))

    edges = saddle_edges(nodes, basins, graphs)
    found = fused.saddle_edges(ranks, joins, basins, spatial, graphs)
    assert all(map(torch.equal, found, edges))

    deaths = [torch.full((len(basins.minima) + 1,), -1, dtype=torch.int32) for _ in range(2)]
    rounds = 0
    while len(edges.key):
        found = fused.merge(edges, deaths[0])
        edges = pairing.merge(edges, deaths[1])
        assert all(map(torch.equal, found, edges))
        assert torch.equal(deaths[0][:-1], deaths[1][:-1])
        rounds += 1
    assert rounds >= 2


def test_a_tree_longer_than_a_block():
    """The running minimum goes on from block to block: one long chain of basins, shuffled ages."""
    n = 3 * fused._BLOCK + 5
    rng = np.random.default_rng(0)
    name = torch.from_numpy(rng.permutation(n)).int()
    key = torch.arange(n - 1, dtype=torch.int32)
    edges = pairing.Edges.sorted(name[1:], name[:-1], key)
    deaths = [torch.full((n + 1,), -1, dtype=torch.int32) for _ in range(2)]
    results = [
        merge(edges, death)
        for merge, death in zip((fused.merge, pairing.merge), deaths, strict=True)
    ]
    assert all(map(torch.equal, *results))
    assert torch.equal(deaths[0][:-1], deaths[1][:-1])
    assert (deaths[0] >= 0).sum() > 2 * fused._BLOCK


def test_bars_through_the_kernels(monkeypatch):
    """The whole way from images to bars, kernels chosen, against the native engine."""
    monkeypatch.setattr(choice, "kernels_apply", lambda *_: True)
    for shape in ((2, 8, 9), (1, 3, 4, 5)):
        images = pictures("tied", shape)
        for topology in (Topology("T"), Topology("V", "sublevel", "framed")):
            found, expected = (
                compute(images, topology, backend=name, spatial_dims=len(shape) - 1)
                for name in ("torch", "native")
            )
            assert found.multiset() == expected.multiset()


# --- Which way is taken ---


@pytest.fixture
def trial(monkeypatch):
    """Let a GPU seem to be there for the choice; its trial runs on the CPU, interpreted."""
    choice._kernels_work.cache_clear()
    problem = choice._problem
    monkeypatch.setattr(choice, "_problem", lambda _, ndim: problem(torch.device("cpu"), ndim))
    yield torch.device("cuda", 0)
    choice._kernels_work.cache_clear()


@pytest.mark.parametrize("ndim", [2, 3])
def test_kernels_that_work_are_used(trial, monkeypatch, ndim):
    """On a GPU after a trial; not on the CPU, not with TOPOEVAL_TRITON=0, not on huge batches."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert choice.kernels_apply(trial, 1000, ndim)
        assert not choice.kernels_apply(torch.device("cpu"), 1000, ndim)
        assert not choice.kernels_apply(trial, 2**30, ndim)
        monkeypatch.setenv("TOPOEVAL_TRITON", "0")
        assert not choice.kernels_apply(trial, 1000, ndim)


def test_kernels_that_do_not_compile_are_named_once(trial, monkeypatch):
    """One warning with place and reason; plain torch from then on."""

    def fail(*_):
        raise RuntimeError("in kernel 'stencil':\n^^^\nptxas does not know this GPU\n")

    monkeypatch.setattr(fused, "merge", fail)
    reason = r"cuda:0: RuntimeError: in kernel 'stencil': \.\.\. ptxas does not know this GPU; "
    with pytest.warns(RuntimeWarning, match=reason):
        assert not choice.kernels_apply(trial, 1000, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not choice.kernels_apply(trial, 1000, 2)


def test_kernels_that_answer_wrongly_are_not_used(trial, monkeypatch):
    """A death at another node is found by the trial."""
    pairs = fused.pairs

    def wrong(*arguments):
        minima, death = pairs(*arguments)
        return minima, death.flip(0)

    monkeypatch.setattr(fused, "pairs", wrong)
    with pytest.warns(RuntimeWarning, match="differs from that of plain torch"):
        assert not choice.kernels_apply(trial, 1000, 2)


# --- Compiled for GPUs that are not here ---


class Recorder:
    """Stands for the kernels; keeps with which types and constants each is launched."""

    def __init__(self):
        self.launches = {}

    def __getattr__(self, name):
        kernel = getattr(kernels, name)

        class Launch:
            def __getitem__(_, grid):  # noqa: N805
                def launch(*arguments, **constants):
                    named = dict(zip(kernel.arg_names, arguments, strict=False)) | constants
                    self.keep(name, kernel, named)
                    return kernel[grid](*arguments, **constants)

                return launch

        return Launch()

    def keep(self, name, kernel, named):
        types = {torch.int8: "*i8", torch.int32: "*i32", torch.int64: "*i64"}
        constants = {k: v for k, v in named.items() if k.isupper()}
        signature = {
            argument: types[value.dtype] if isinstance(value, torch.Tensor) else "i32"
            for argument, value in named.items()
            if argument not in constants
        }
        aligned = all(
            value.data_ptr() % 16 == 0
            for value in named.values()
            if isinstance(value, torch.Tensor)
        )
        assert aligned, f"{name}: unaligned arrays are compiled anew"
        assert set(named) == set(kernel.arg_names)
        self.launches[f"{name} {sorted(constants.items())}"] = [name, signature, constants]


@pytest.fixture(scope="module")
def launches():
    """Every version of every kernel, as JSON can hold it: its name, types and constants."""
    recorder = Recorder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fused, "kernels", recorder)
        for shape in ((3, 5, 7), (1, 3, 5, 7)):
            images = pictures("distinct", shape)
            for construction in "VT":
                fused.pairs(*arguments(images, Topology(construction))[1:])
    return list(recorder.launches.values())


def test_a_trial_compiles_all_that_will_run(trial, launches, monkeypatch):
    """Kernels are tried before they are used: no version of one is left for later."""
    recorder = Recorder()
    monkeypatch.setattr(fused, "kernels", recorder)
    for ndim in (2, 3):
        assert choice.kernels_apply(trial, 1000, ndim)
    assert sorted(map(str, recorder.launches.values())) == sorted(map(str, launches))
    assert len({name for name, _, _ in launches}) == 10
    assert len(launches) == 16  # two kernels know dimensions and neighbours: four versions each


@pytest.mark.parametrize("target", MACHINES)
def test_kernels_compile_for_a_gpu_that_is_not_here(target, launches, tmp_path):
    """Text of the right machine for every version, its minima by the machine's own atomics."""
    script = Path(__file__).with_name("compile_kernels.py")
    environment = {**os.environ, "TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    answer = subprocess.run(
        [sys.executable, script, target, "amdgcn" if target.startswith("hip") else "ptx"],
        input=json.dumps(launches),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    compiled = json.loads(answer.stdout)
    assert len(compiled) == len(launches)
    machine, atomics, minimum = MACHINES[target]
    for (name, _, _), text in zip(launches, compiled, strict=True):
        assert re.search(machine, text), name
        found = re.findall(atomics, text)
        assert all(minimum in instruction for instruction in found), f"{name}: {found}"
        assert bool(found) == (name in ("first_edges", "leave", "queue")), name
