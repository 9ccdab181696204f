"""Probability maps: volumes in the engine alone, and what Python adds to one call of an image.

    python bench/micro/native_probability.py

CPU time of one thread, medians of steady repeats; float32, all dimensions. To compare two versions
run it with both, in turns.
"""

import numpy as np
from native_setup import KINDS, steady_milliseconds

from topoeval import Topology, _native
from topoeval.persistence import BACKENDS, compute


def engine(batch, construction):
    """The C++ call."""
    dims = tuple(range(batch.ndim - 1))
    return lambda: _native.persistence(batch, construction, False, dims, 0.0, 1)


def main():
    """Print both tables."""
    print("| probability | V ms | T ms |\n|---|---|---|")
    for side in (64, 128):
        volume = KINDS["probability"](np.random.default_rng(0), (1,) + (side,) * 3, np.float32)
        times = [steady_milliseconds(engine(volume, construction)) for construction in "VT"]
        print(f"| {side}^3 | {times[0]:.1f} | {times[1]:.1f} |", flush=True)
    print(
        "\n| one image | construction | C++ ms | persistence.compute ms | |\n|---|---|---|---|---|"
    )
    native = BACKENDS.load("native")(threads=1)
    for kind, make in KINDS.items():
        image = make(np.random.default_rng(0), (1, 128, 128), np.float32)
        for construction in "VT":
            topology = Topology(construction, "sublevel")
            inner = steady_milliseconds(engine(image, construction))
            outer = steady_milliseconds(
                lambda i=image, t=topology: compute(i, t, backend=native, spatial_dims=2)
            )
            print(
                f"| 128^2 {kind} | {construction} | {inner:.3f} | {outer:.3f} | "
                f"{outer / inner:.2f}x |",
                flush=True,
            )


if __name__ == "__main__":
    main()
