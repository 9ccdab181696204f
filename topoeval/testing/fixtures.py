"""Small masks whose Betti numbers anyone can count."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def _image(*rows: str) -> Mask:
    return np.array([[character == "#" for character in row] for row in rows])


def _ball(outer: float, inner: float = -1.0) -> Mask:
    axis = np.arange(9) - 4.0
    radius = np.sqrt(np.add.outer(np.add.outer(axis**2, axis**2), axis**2))
    return np.asarray((radius <= outer) & (radius > inner))


def _torus() -> Mask:
    square = np.ones((9, 9), bool)
    square[0] = square[-1] = square[:, 0] = square[:, -1] = False
    square[3:6, 3:6] = False
    return np.stack([square if 3 <= layer <= 5 else np.zeros_like(square) for layer in range(9)])


def _bars() -> Mask:
    volume = np.zeros((9, 9, 9), bool)
    volume[1:8, 3:6, 1:4] = volume[1:8, 3:6, 5:8] = True
    return volume


IMAGES: dict[str, tuple[Mask, tuple[int, int]]] = {
    "disc": (
        _image(
            "..........",
            "...####...",
            "..######..",
            "..######..",
            "..######..",
            "..######..",
            "...####...",
            "..........",
            "..........",
        ),
        (1, 0),
    ),
    "ring": (
        _image(
            "..........",
            "..######..",
            ".########.",
            ".##....##.",
            ".##....##.",
            ".##....##.",
            ".########.",
            "..######..",
            "..........",
        ),
        (1, 1),
    ),
    "cut ring": (
        _image(
            "..........",
            "..######..",
            ".########.",
            ".##....##.",
            ".##.......",
            ".##....##.",
            ".########.",
            "..######..",
            "..........",
        ),
        (1, 0),
    ),
    "two discs": (
        _image(
            "..........",
            "..........",
            ".###..###.",
            ".###..###.",
            ".###..###.",
            ".###..###.",
            "..........",
            "..........",
            "..........",
        ),
        (2, 0),
    ),
    "eight": (
        _image(
            "..........",
            ".########.",
            ".#..##..#.",
            ".#..##..#.",
            ".#..##..#.",
            ".#..##..#.",
            ".#..##..#.",
            ".########.",
            "..........",
        ),
        (1, 2),
    ),
}
"""2D masks and their Betti numbers, the same in both constructions."""

VOLUMES: dict[str, tuple[Mask, tuple[int, int, int]]] = {
    "ball": (_ball(3.5), (1, 0, 0)),
    "hollow sphere": (_ball(4.2, 2.5), (1, 0, 1)),
    "solid torus": (_torus(), (1, 1, 0)),
    "two bars": (_bars(), (2, 0, 0)),
}
"""3D masks and their Betti numbers, the same in both constructions."""
