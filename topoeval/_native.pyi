"""Types of the C++ extension module (native/bindings.cpp)."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Float = TypeVar("Float", np.float32, np.float64)

def persistence(
    values: NDArray[np.generic],
    construction: str,
    superlevel: bool,
    dims: list[int],
    min_persistence: float,
    threads: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]: ...
def gather_bars(
    images: NDArray[Float],
    image: NDArray[np.int64],
    birth: NDArray[np.int64],
    death: NDArray[np.int64],
    superlevel: bool,
) -> tuple[NDArray[Float], NDArray[np.int64]]: ...
def betti_matching(
    p: NDArray[np.generic],
    g: NDArray[np.generic],
    construction: str,
    superlevel: bool,
    dims: list[int],
    comparison: str,
    threads: int,
    proper: bool = False,
    general: bool = False,
) -> tuple[NDArray[np.int64], ...]: ...
def match_masks(
    p: NDArray[np.bool_] | NDArray[np.uint8],
    g: NDArray[np.bool_] | NDArray[np.uint8],
    construction: str,
    framed: bool,
    comparison: str,
    threads: int,
) -> NDArray[np.int64]: ...
def betti_numbers(
    masks: NDArray[np.bool_] | NDArray[np.uint8],
    construction: str,
    framed: bool,
    threads: int,
) -> NDArray[np.int64]: ...
def deform(
    masks: NDArray[np.bool_] | NDArray[np.uint8],
    changeable: NDArray[np.bool_] | NDArray[np.uint8],
    construction: str,
    framed: bool,
    keep_ends: bool,
    threads: int,
) -> NDArray[np.bool_]: ...
def repair(
    masks: NDArray[np.bool_] | NDArray[np.uint8],
    values: NDArray[np.float32],
    locked: NDArray[np.bool_] | None,
    wanted: NDArray[np.int64],
    construction: str,
    framed: bool,
    uniform: bool,
    settle: bool,
    kinds: int,
    width: float,
    radius: float,
    evidence: float,
    limit: float,
    max_change: int,
    min_size: int,
    keep: int,
    threads: int,
) -> tuple[
    NDArray[np.bool_],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int64],
    NDArray[np.int8],
    NDArray[np.float64],
    NDArray[np.float64],
    NDArray[np.int64],
    NDArray[np.int64],
]: ...
def inner_distance(
    masks: NDArray[np.bool_] | NDArray[np.uint8], threads: int
) -> NDArray[np.float64]: ...
def maximin_pairs(
    keys: NDArray[Float], labels: NDArray[np.int32], corners: bool, threads: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def skeleton_depths(
    masks: NDArray[np.bool_] | NDArray[np.uint8], construction: str, framed: bool, threads: int
) -> NDArray[np.int32]: ...
def skeleton_values(
    mine: NDArray[np.int32], other: NDArray[np.int32], power: int
) -> tuple[NDArray[np.int64], NDArray[np.float32], list[int]]: ...
def soft_skeleton(maps: NDArray[Float], iterations: int, threads: int) -> NDArray[Float]: ...
def soft_skeleton_gradient(
    maps: NDArray[Float], gradient: NDArray[Float], iterations: int, threads: int
) -> NDArray[Float]: ...
def skeleton_paths(
    skeletons: NDArray[np.bool_] | NDArray[np.uint8], threads: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]] | None]: ...
def cheapest_ways(
    prices: NDArray[Float],
    voxels: NDArray[np.int64],
    lengths: NDArray[np.int64],
    images: NDArray[np.int64],
    corridor: int,
    snap: int,
    threads: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
