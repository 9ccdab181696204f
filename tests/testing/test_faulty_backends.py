"""Backends with one fault each, and the check that catches it."""

import re
import time
from dataclasses import replace

import numpy as np
import pytest

from topoeval.persistence.backends import IndexTable, ValueTable
from topoeval.persistence.backends.native import Native
from topoeval.testing import backend_checks
from topoeval.testing.results import outcomes

CHECKS = {check.__name__.removeprefix("check_"): check for check in backend_checks()}
LEAKED = []


class Loopback(Native):
    """The native engine under another name: right, until a fault is put in."""

    info = replace(Native.info, name="loopback", title="Loopback")

    def __init__(self, threads=1):
        super().__init__(threads)


class SwappedAxes(Loopback):
    """Takes the array for one in column-major order, as torch-topological does."""

    def compute(self, images, topology, dims):
        shape = images.shape
        seen = images.reshape(shape[0], *reversed(shape[1:]))
        return super().compute(seen, topology, dims)


class VForT(Loopback):
    """Always the V-construction."""

    def compute(self, images, topology, dims):
        return super().compute(images, replace(topology, construction="V"), dims)


class SublevelOnly(Loopback):
    """Always the sublevel filtration."""

    def compute(self, images, topology, dims):
        return super().compute(images, replace(topology, direction="sublevel"), dims)


class WrongBorder(Loopback):
    """Never a frame."""

    def compute(self, images, topology, dims):
        return super().compute(images, replace(topology, border="plain"), dims)


class NoEssentialClass(Loopback):
    """Leaves out the class that never dies, as Betti-Matching-3D does."""

    def compute(self, images, topology, dims):
        table = super().compute(images, topology, dims)
        return IndexTable(*(column[table.death_index >= 0] for column in table))


class EssentialDiesLast(Loopback):
    """Lets the essential class die at the last voxel, as TTK's front end does."""

    def compute(self, images, topology, dims):
        table = super().compute(images, topology, dims)
        flat = images.reshape(len(images), -1)
        last = (np.argmin if topology.superlevel else np.argmax)(flat, axis=1)
        never = table.death_index < 0
        return table._replace(death_index=np.where(never, last[table.image], table.death_index))


class OffByOne(Loopback):
    """Names the voxel beside the one that was meant."""

    def compute(self, images, topology, dims):
        table = super().compute(images, topology, dims)
        size = images[0].size
        return table._replace(
            birth_index=np.where(
                table.birth_index < 0, -1, np.minimum(table.birth_index + 1, size - 1)
            )
        )


class Float32(Loopback):
    """Computes in float32 and does not say so."""

    def compute(self, images, topology, dims):
        return super().compute(images.astype(np.float32), topology, dims)


class SaysFloat32(Float32):
    """Computes in float32 and says so."""

    info = replace(Loopback.info, exact=False)


class DroppedTies(Loopback):
    """Keeps one bar of those with equal birth and death."""

    def compute(self, images, topology, dims):
        table = super().compute(images, topology, dims)
        flat = images.reshape(len(images), -1)
        ends = [np.where(index < 0, np.nan, flat[table.image, index]) for index in table[2:]]
        _, first = np.unique(
            np.stack([table.image, table.dim, *ends]), axis=1, return_index=True, equal_nan=True
        )
        return IndexTable(*(column[np.sort(first)] for column in table))


class ZeroLengthBars(Loopback):
    """Adds a bar that is born and dies at once."""

    def compute(self, images, topology, dims):
        table = super().compute(images, topology, dims)
        first = ([0], [dims[0]], [0], [0])
        return IndexTable(*(np.concatenate(pair) for pair in zip(first, table, strict=True)))


class RandomOrder(Loopback):
    """Gives the bars of an image and dimension in an order that changes from call to call."""

    def __init__(self, threads=1):
        super().__init__(threads)
        self.rng = np.random.default_rng()

    def compute(self, images, topology, dims):
        table = super().compute(images, topology, dims)
        order = np.lexsort((self.rng.random(len(table.dim)), table.dim, table.image))
        return IndexTable(*(column[order] for column in table))


class IgnoresDims(Loopback):
    """Gives all dimensions, whatever was asked."""

    def compute(self, images, topology, dims):
        return super().compute(images, topology, range(images.ndim - 1))


class MixedBatch(Loopback):
    """Gives the bars of each image the number of its neighbour."""

    def compute(self, images, topology, dims):
        return super().compute(np.roll(images, 1, axis=0), topology, dims)


class UngroupedRows(Loopback):
    """Gives the bars of the last image first."""

    def compute(self, images, topology, dims):
        return IndexTable(*(column[::-1] for column in super().compute(images, topology, dims)))


class Int32Table(Loopback):
    """Gives indices in 32 bits."""

    def compute(self, images, topology, dims):
        return IndexTable(*(c.astype(np.int32) for c in super().compute(images, topology, dims)))


class ValuesInSecret(Loopback):
    """Promises voxels and gives values."""

    def compute(self, images, topology, dims):
        table = super().compute(images, topology, dims)
        first, never = (np.inf, -np.inf) if topology.superlevel else (-np.inf, np.inf)
        flat = images.reshape(len(images), -1).astype(float)
        ends = (
            np.where(index < 0, beyond, flat[table.image, index])
            for index, beyond in zip(table[2:], (first, never), strict=True)
        )
        return ValueTable(table.image, table.dim, *ends)


class Leaky(Loopback):
    """Keeps every batch it was given."""

    def compute(self, images, topology, dims):
        LEAKED.append(images.copy())
        return super().compute(images, topology, dims)


class NotThreadSafe(Loopback):
    """Keeps the images of the current call where all calls find them."""

    def compute(self, images, topology, dims):
        self.images = images
        time.sleep(0.001)
        return super().compute(self.images, topology, dims)


class ThreadsMatter(Loopback):
    """Loses the last bar with more than one thread."""

    def compute(self, images, topology, dims):
        table = super().compute(images, topology, dims)
        return IndexTable(*(column[:-1] for column in table)) if self.threads > 1 else table


class MutatesInput(Loopback):
    """Negates the caller's images where they lie."""

    def compute(self, images, topology, dims):
        if topology.superlevel and images.flags.writeable and images.dtype.kind == "f":
            np.negative(images, out=images)
            return super().compute(images, replace(topology, direction="sublevel"), dims)
        return super().compute(images, topology, dims)


class WritesToInput(Loopback):
    """Cannot work on what it may not write to."""

    def compute(self, images, topology, dims):
        images[...] = images
        return super().compute(images, topology, dims)


class IgnoresStrides(Loopback):
    """Reads memory as if it were C-contiguous, as pixhomology does."""

    def compute(self, images, topology, dims):
        raw = images.ravel(order="K").reshape(images.shape)
        return super().compute(raw, topology, dims)


class NativeByteOrderOnly(Loopback):
    """Reads big-endian numbers as little-endian ones."""

    def compute(self, images, topology, dims):
        return super().compute(images.view(images.dtype.newbyteorder("=")), topology, dims)


class RefusesBool(Loopback):
    """Takes numbers only, as `cripser.compute_ph` does."""

    def compute(self, images, topology, dims):
        if images.dtype == bool:
            raise TypeError("incompatible function arguments")
        return super().compute(images, topology, dims)


class NoLines(Loopback):
    """Calls each voxel of a one-voxel-wide image essential, as cripser does in V."""

    def compute(self, images, topology, dims):
        if images.ndim == 3 and 1 in images.shape[1:]:
            count, size = len(images), images[0].size
            image = np.repeat(np.arange(count), size)
            voxel = np.tile(np.arange(size), count)
            return IndexTable(image, 0 * image, voxel, np.full(len(image), -1))
        return super().compute(images, topology, dims)


class PromisesTooMuch(Loopback):
    """Supports whatever it is asked."""

    info = replace(Loopback.info, constructions=("T",))

    def supports(self, ndim, topology, dims=None):
        return None


class NoLicence(Loopback):
    """Says nothing of its licence."""

    info = replace(Loopback.info, licence="")


class SmallOnly(Loopback):
    """Right on small images, loses a bar of large ones."""

    def compute(self, images, topology, dims):
        table = super().compute(images, topology, dims)
        keep = slice(None) if images[0].size < 1000 else slice(None, -1)
        return IndexTable(*(column[keep] for column in table))


class DiesOnConstants(Loopback):
    """Cannot do without two different values, as some normalising code cannot."""

    def compute(self, images, topology, dims):
        low, high = images.min(), images.max()
        if low == high:
            raise ZeroDivisionError("division by zero")
        return super().compute(images, topology, dims)


class ThinImagesAreLines(Loopback):
    """Takes the minimum over a pair of rows, whatever the filtration."""

    def compute(self, images, topology, dims):
        if images.ndim == 3 and images.shape[1] == 2:
            images = np.repeat(images.min(axis=1, keepdims=True), 2, axis=1)
        return super().compute(images, topology, dims)


class FlushesHalves(Loopback):
    """Rounds small probabilities of half precision to 0."""

    def compute(self, images, topology, dims):
        if images.dtype == np.float16:
            images = np.where(images < 1e-3, np.float16(0), images)
        return super().compute(images, topology, dims)


class DoublesIntegers(Loopback):
    """Makes 64-bit integers float64, where 2^53 and 2^53 + 1 are one."""

    def compute(self, images, topology, dims):
        return super().compute(images.astype(np.float64), topology, dims)


class PlainTuple(Loopback):
    """Gives four columns without names."""

    def compute(self, images, topology, dims):
        return tuple(super().compute(images, topology, dims))


@pytest.mark.parametrize(
    ("faulty", "name", "words"),
    [
        (SwappedAxes, "anisotropic_shapes", r"shape \(2, 3, 9\)"),
        (VForT, "construction_is_read", "T-superlevel-plain.*dimension 0"),
        (SublevelOnly, "direction_is_read", "V-superlevel-plain"),
        (WrongBorder, "border_is_read", "framed.*lacks the bar"),
        (NoEssentialClass, "essential_classes", "lacks the bar .* and 2 more"),
        (EssentialDiesLast, "essential_classes", "never die"),
        (OffByOne, "locations_hold_the_values", "values at the named voxels"),
        (Float32, "float64_is_kept", "lacks the bar"),
        (DroppedTies, "ties", "lacks the bar"),
        (ZeroLengthBars, "constant_images", "has besides the bar"),
        (RandomOrder, "deterministic", "called again: column .* differs"),
        (IgnoresDims, "dimension_subsets", r"dims \(0,\): has besides"),
        (MixedBatch, "batch_is_its_images", "image 0 has another"),
        (UngroupedRows, "table_is_well_formed", "not grouped"),
        (Int32Table, "table_is_well_formed", "image is int32, not int64"),
        (ValuesInSecret, "table_is_well_formed", "answers ValueTable, not IndexTable"),
        (Leaky, "leaks_nothing", "KiB more a call"),
        (NotThreadSafe, "python_threads", "four threads at once"),
        (ThreadsMatter, "threads_change_nothing", "threads=2 against 1"),
        (MutatesInput, "input_is_left_alone", "changed its input"),
        (WritesToInput, "read_only_input", "ValueError: .*read-only"),
        (IgnoresStrides, "memory_layout", "lacks the bar"),
        (NativeByteOrderOnly, "byte_order", ">f4 images"),
        (RefusesBool, "dtypes", "TypeError: incompatible function arguments"),
        (NoLines, "one_pixel_axes", r"shape \(2, 1, 7\).*has besides"),
        (PromisesTooMuch, "refuses_with_a_reason", "None, though info does not promise it"),
        (NoLicence, "info_is_complete", "info.licence is empty"),
        (SmallOnly, "larger_images", "lacks the bar"),
        (DiesOnConstants, "constant_images", "ZeroDivisionError"),
        (ThinImagesAreLines, "thin_images", r"shape \(2, 2, ."),
        (FlushesHalves, "saturated_half_precision", "float16"),
        (DoublesIntegers, "large_integers", "int64 images"),
        (PlainTuple, "serves_compute", "AttributeError"),
        (MixedBatch, "small_images", "lacks the bar"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_the_check_catches_the_fault(faulty, name, words):
    """The named check fails, with a message that says what is wrong; the right backend passes."""
    assert outcomes([CHECKS[name]], Loopback())[0].outcome != "failed"
    (result,) = outcomes([CHECKS[name]], faulty())
    LEAKED.clear()
    assert (result.name, result.outcome) == (name.replace("_", " "), "failed")
    assert re.search(words, result.message), result.message
    assert "\n" not in result.message


def test_each_check_is_caught_failing():
    """No check is without a fault that it catches."""
    table = test_the_check_catches_the_fault.pytestmark[0].args[1]
    assert {name for _, name, _ in table} == set(CHECKS)
