"""Vessels in three dimensions: trees with loops between their branches, and rings with gaps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from topoeval.datasets.dataset_info import DatasetInfo
from topoeval.datasets.fields import smooth_field
from topoeval.datasets.synthetic import Prior, Shape, Synthetic
from topoeval.datasets.tubes import Points, bent, coverage, tube_distance
from topoeval.topology import Topology

Grey = NDArray[np.floating[Any]]

FORMS = ("tree", "ring")
PIECES = 6
TRIES = 12
CLEARANCE = 2.0
"""Voxels between the walls of branches that do not meet."""
MARGIN = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Branches(Shape):
    """Vessels; ``distance`` is signed, in voxels; ``flow`` the brightness of the nearest piece."""

    distance: NDArray[np.float32]
    flow: NDArray[np.float32]


@dataclass(slots=True, eq=False)
class _Growth:
    """The pieces of vessels laid so far."""

    side: int
    points: Points = field(default_factory=lambda: np.empty((0, 3)))
    radius: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    starts: list[Points] = field(default_factory=list)
    ends: list[Points] = field(default_factory=list)
    radii: list[NDArray[np.float64]] = field(default_factory=list)
    flow: list[float] = field(default_factory=list)

    def fits(self, curve: Points, radius: float, joints: Sequence[Points]) -> bool:
        """Whether a curve stays inside the volume and, but for its joints, clear of the rest."""
        if curve.min() < MARGIN + radius or curve.max() > self.side - MARGIN - radius:
            return False
        if len(self.points) == 0:
            return True
        free = np.ones(len(curve), dtype=bool)
        others = np.ones(len(self.points), dtype=bool)
        for joint in joints:
            # Where branches meet they overlap: the knee is as wide as both of them.
            reach = 2.2 * radius + CLEARANCE + 1
            free &= np.linalg.norm(curve - joint, axis=1) > reach
            others &= np.linalg.norm(self.points - joint, axis=1) > 0.4 * reach
        gaps = np.linalg.norm(curve[free, None] - self.points[None, others], axis=2)
        return bool(np.all(gaps > radius + self.radius[others] + CLEARANCE))

    def lay(self, curve: Points, first: float, last: float, flow: float) -> None:
        """Add a curve whose radius changes from ``first`` to ``last``."""
        radii = np.linspace(first, last, len(curve))
        self.points = np.concatenate((self.points, curve))
        self.radius = np.concatenate((self.radius, radii))
        self.starts.append(curve[:-1])
        self.ends.append(curve[1:])
        self.radii.append(np.stack((radii[:-1], radii[1:]), axis=1))
        self.flow.extend(np.linspace(flow, 0.93 * flow, len(curve) - 1).tolist())


class Vessels(Synthetic[Branches]):
    """Vessels in a volume like a time-of-flight angiogram: one component, as many loops as drawn.

    ``"tree"``: branches fork at random angles, the daughters' radii by Murray's law, and then
    curves join tips to one another, each closing a loop. ``"ring"``: a ring of nine segments with
    vessels leading away from it, after the circle of Willis, which in some samples lacks a segment.
    No branch comes near another that it does not meet. Vessels are bright where blood is fresh and
    fade with the way from the inlet, so the thin ends are hardly seen.

    Parameters
    ----------
    split, size, seed, difficulty, label_noise
        See `topoeval.datasets.synthetic.Synthetic`.
    side
        Voxels along each side.
    form
        ``"tree"`` or ``"ring"``.
    loops
        Most loops of a tree. A ring has one or, with one segment missing, none.
    depth
        Generations of branches of a tree.
    radius
        Radius of the inlet, or mean radius of a ring, in voxels.
    contrast
        Brightness of fresh blood above the tissue's 0.25.
    fade
        Loss of contrast over a way of one side, as a power of e.
    clutter
        Standard deviation of the tissue's texture; fat is brighter by six of them.
    noise
        Standard deviation of the noise.

    Examples
    --------
    >>> sample = Vessels("test", 1, side=48, form="ring")[0]
    >>> sample.image.shape, sample.betti["V"] == sample.betti["T"] == sample.prior
    ((1, 48, 48, 48), True)
    """

    info: ClassVar[DatasetInfo] = DatasetInfo(
        name="vessels",
        title="Vessels",
        task="segment vessels in a volume",
        ndim=3,
        channels=1,
        labels=(),
        sizes={
            "train": 30,
            "unlabelled": 60,
            "val": 10,
            "test": 40,
            "shifted": 40,
            "relaxed": 40,
        },
        revision="1",
        licence="MIT (generated)",
        citation="topoeval; radii by C. D. Murray, The physiological principle of minimum work, "
        "PNAS 12(3), 1926",
        home="generated by topoeval.datasets.vessels",
        topology=Topology("T", "superlevel", "plain"),
        prior="One component, the drawn number of loops, no cavity, another for each sample. Every "
        "true mask has them under V and T; in 'relaxed' branches touch or break off.",
        classes=("vessel",),
    )
    presets: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "easy": {
            "loops": 1,
            "depth": 2,
            "radius": 3,
            "contrast": 0.55,
            "fade": 0.2,
            "clutter": 0.03,
            "noise": 0.04,
        },
        "medium": {
            "loops": 2,
            "depth": 3,
            "radius": 2.6,
            "contrast": 0.45,
            "fade": 0.4,
            "clutter": 0.04,
            "noise": 0.06,
        },
        "hard": {
            "loops": 2,
            "depth": 3,
            "radius": 2.3,
            "contrast": 0.4,
            "fade": 0.7,
            "clutter": 0.05,
            "noise": 0.09,
        },
    }
    shift: ClassVar[Mapping[str, float]] = {"noise": 0.15}
    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {
        "loops": (0, 6),
        "depth": (1, 5),
        "radius": (1.2, 8),
        "contrast": (0, 0.75),
        "fade": (0, 3),
        "clutter": (0, 0.3),
        "noise": (0, 1),
    }
    sides: ClassVar[tuple[int, int]] = (40, 160)
    options: ClassVar[Mapping[str, Any]] = {"side": 64, "form": "tree"}
    choices: ClassVar[Mapping[str, Sequence[str]]] = {"form": FORMS}

    def prior(self, rng: np.random.Generator) -> Sequence[Sequence[int]]:
        """One component and the loops of a tree, or a ring whole in two of three samples."""
        if self.chosen["form"] == "ring":
            return [(1, int(rng.random() < 2 / 3), 0)]
        return [(1, int(rng.integers(0, int(self.knobs["loops"]), endpoint=True)), 0)]

    def shape(self, prior: Prior, rng: np.random.Generator) -> Branches | None:
        """Draw vessels once; None where there was no room for all of them."""
        growth = _Growth(self.side)
        loops = int(prior[0, 1])
        grown = (self._ring if self.chosen["form"] == "ring" else self._tree)(growth, loops, rng)
        if not grown:
            return None
        if self.split == "relaxed":
            _break(growth, rng)
        distance, piece = tube_distance(
            np.concatenate(growth.starts),
            np.concatenate(growth.ends),
            np.concatenate(growth.radii),
            (self.side,) * 3,
            reach=1.5,
        )
        flow = np.asarray(growth.flow, dtype=np.float32)[np.maximum(piece, 0)]
        return Branches(mask=distance[None] <= 0, distance=distance, flow=flow)

    def _tree(self, growth: _Growth, loops: int, rng: np.random.Generator) -> bool:
        """Grow a tree from one face of the volume, then join tips."""
        side, radius = self.side, self.knobs["radius"]
        root = np.array((MARGIN + radius + 0.5, *rng.uniform(0.4 * side, 0.6 * side, 2)))
        heading = _unit(np.array((1.0, *rng.uniform(-0.3, 0.3, 2))))
        # Each bud: where, whither, radius, way from the inlet, generation.
        buds = [(root, heading, radius, 0.0, 0)]
        tips: list[tuple[Points, float, float]] = []
        while buds:
            place, heading, radius, way, generation = buds.pop(0)
            length = side * rng.uniform(0.26, 0.34) * 0.85**generation
            end = self._extend(growth, place, heading, length, radius, way, rng)
            if end is None:
                if generation <= 1:
                    return False
                continue
            way += length
            if generation == int(self.knobs["depth"]):
                tips.append((end, radius, way))
                continue
            # Murray: the cubes of the daughters' radii add up to the mother's.
            share = rng.uniform(0.35, 0.65)
            normal = _unit(np.cross(heading, rng.standard_normal(3)))
            for sign, part in ((1, share), (-1, 1 - share)):
                angle = math.radians(rng.uniform(22, 42)) * sign
                turned = _unit(math.cos(angle) * heading + math.sin(angle) * normal)
                daughter = max(1.1, radius * part ** (1 / 3))
                buds.append((end, turned, daughter, way, generation + 1))
        return self._join(growth, tips, loops, rng)

    def _extend(
        self,
        growth: _Growth,
        place: Points,
        heading: Points,
        length: float,
        radius: float,
        way: float,
        rng: np.random.Generator,
    ) -> Points | None:
        """Lay a branch where there is room for one; return its end."""
        for attempt in range(TRIES):
            spread = 0.15 + 0.05 * attempt
            aim = _unit(heading + rng.normal(0, spread, 3))
            end = place + length * aim
            sideways = length * rng.uniform(-0.12, 0.12) * _unit(np.cross(aim, rng.normal(size=3)))
            curve = bent(place, end, sideways, PIECES)
            if growth.fits(curve, radius, [place]):
                growth.lay(curve, radius, max(1.1, 0.9 * radius), self._flow(way))
                return end
        return None

    def _join(
        self,
        growth: _Growth,
        tips: list[tuple[Points, float, float]],
        loops: int,
        rng: np.random.Generator,
    ) -> bool:
        """Join pairs of tips by curves until there are enough loops; each tip is used once."""
        pairs = [(a, b) for b in range(len(tips)) for a in range(b)]
        used: set[int] = set()
        for a, b in rng.permutation(np.array(pairs).reshape(-1, 2)).tolist():
            if loops == 0:
                break
            if {a, b} & used:
                continue
            (start, r0, way), (end, r1, _) = tips[a], tips[b]
            apart = float(np.linalg.norm(end - start))
            for _ in range(4):
                out = _unit(np.cross(end - start, rng.normal(size=3)))
                curve = bent(start, end, apart * rng.uniform(0.05, 0.35) * out, 2 * PIECES)
                if growth.fits(curve, max(r0, r1), [start, end]):
                    growth.lay(curve, r0, r1, self._flow(way))
                    used |= {a, b}
                    loops -= 1
                    break
        return loops == 0

    def _ring(self, growth: _Growth, loops: int, rng: np.random.Generator) -> bool:
        """Lay nine segments round a centre, one of them missing if there is to be no loop."""
        side, mean = self.side, self.knobs["radius"]
        centre = rng.uniform(0.45, 0.55, 3) * side
        normal = _unit(np.array((1.0, *rng.normal(0, 0.4, 2))))
        u = _unit(np.cross(normal, rng.normal(size=3)))
        v = np.cross(normal, u)
        angles = 2 * math.pi * (np.arange(9) + rng.uniform(-0.25, 0.25, 9)) / 9
        size = side * rng.uniform(0.19, 0.24)
        nodes = centre + size * (
            np.cos(angles)[:, None] * u * 1.15
            + np.sin(angles)[:, None] * v * 0.9
            + rng.uniform(-0.2, 0.2, (9, 1)) * normal
        )
        missing = -1 if loops else int(rng.integers(9))
        radii = mean * rng.uniform(0.6, 1.1, 9)
        for k in range(9):
            if k == missing:
                continue
            a, b = nodes[k], nodes[(k + 1) % 9]
            outwards = 0.12 * ((a + b) / 2 - centre)
            curve = bent(a, b, outwards, PIECES)
            growth.lay(curve, radii[k], radii[k], self._flow(size * k / 9))
        # Vessels that lead away, from nodes that are still part of the ring.
        for k in rng.permutation(9)[:4].tolist():
            if missing in (k, (k - 1) % 9) and rng.random() < 0.5:
                continue
            away = _unit(nodes[k] - centre + 0.5 * size * rng.normal(size=3))
            self._extend(
                growth, nodes[k], away, side * rng.uniform(0.14, 0.2), 0.8 * mean, size, rng
            )
        return True

    def _flow(self, way: float) -> float:
        """Return the contrast of blood that has come ``way`` voxels from the inlet."""
        return self.knobs["contrast"] * math.exp(-self.knobs["fade"] * way / self.side)

    def picture(self, shape: Branches, case: str) -> NDArray[np.float32]:
        """Return the image ``(1, side, side, side)`` in [0, 1]."""
        rng = self.stream(case, "ground")
        volume = (self.side,) * 3
        clutter = np.float32(self.knobs["clutter"])
        image = 0.25 + clutter * smooth_field(volume, 3, rng)
        image = image + clutter * smooth_field(volume, 0.3 * self.side, rng)
        # Fat: bright blobs that are no vessel.
        image = image + 6 * clutter * (smooth_field(volume, 0.13 * self.side, rng) > 1.6)
        image = image + coverage(shape.distance) * (0.25 + shape.flow - image)
        grain = self.stream(case, "noise").standard_normal((2, *volume), dtype=np.float32)
        grain *= np.float32(self.knobs["noise"])
        return np.clip(np.hypot(image + grain[0], grain[1]), 0, 1).astype(np.float32)[None]


def _unit(vector: Points) -> Points:
    return vector / np.linalg.norm(vector)


def _break(growth: _Growth, rng: np.random.Generator) -> None:
    """Take two or three neighbouring pieces out of the middle of a random branch."""
    branch = int(rng.integers(len(growth.starts)))
    count = len(growth.starts[branch])
    first = sum(len(starts) for starts in growth.starts[:branch]) + count // 2 - 1
    gone = range(count // 2 - 1, count // 2 - 1 + int(rng.integers(2, 4)))
    for parts in (growth.starts, growth.ends, growth.radii):
        parts[branch] = np.delete(parts[branch], gone, axis=0)
    del growth.flow[first : first + len(gone)]
