"""Write docs/losses.md and its pictures from the cards of the losses.

    python docs/make_losses.py [--check]

Each picture is the direction in which a loss pulls one and the same small map: a ring that should
be whole and alone. ``--check`` writes nothing and fails if a file is not what it would write.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from topoeval import Topology
from topoeval.archives import DamagedFileError
from topoeval.checksums import opened
from topoeval.losses import LOSSES

DOCS = Path(__file__).parent
RECORDS = DOCS.parent / "results" / "losses"
SIDE = 28
REQUIRED = {"topo_interaction": {"exclusion": [[0, 1]]}}
UP = ("#c6dbef", "#9ecae1", "#6baed6", "#2171b5", "#08306b")
DOWN = ("#fcd0b8", "#fc9272", "#fb6a4a", "#cb181d", "#67000d")

HEAD = """# Losses

<!-- written by docs/make_losses.py; do not edit -->

Every loss takes `(B, C, *spatial)` maps and answers a scalar; `parts` answers the terms it is the
sum of, per image and class. One interface, one [conformance
suite](../topoeval/testing/losses.py), one [Topology](../topoeval/topology.py). Name one in a
`method.toml`, or use the class:

```python
import torch
from topoeval import Topology
from topoeval.losses import LOSSES

logits = torch.randn(4, 1, 64, 64, requires_grad=True)
masks = (torch.rand(4, 1, 64, 64) > 0.5).float()
dice = LOSSES.load("dice")(sigmoid=True)
dice(logits, masks).backward()
```

A loss that takes probabilities takes logits with `sigmoid=True` or `softmax=True`; one that takes
logits says so below. Where channels are a softmax, the targets of a voxel sum to 1, the background
(the first channel) included.

Labels instead of masks, an ignore label or a mask, weights of classes and lists of outputs are
what `adapt` is for, with MONAI's names; nnU-Net has [trainers](nnunet.md) of its own:

```python
from topoeval.losses import adapt

loss = adapt("warping", softmax=True, include_background=False, to_onehot_y=True, ignore_index=255)
labels = torch.randint(0, 3, (4, 1, 64, 64))
outputs = [torch.randn(4, 3, 64, 64, requires_grad=True), torch.randn(4, 3, 32, 32)]
loss(outputs, labels).backward()  # deep supervision: 1 x the first, 1/2 x the second
```

- A NaN or an infinity in a map makes the loss and its gradient NaN; a batch without images costs 0.
- Values up to 1e-5 outside [0, 1] are rounding and put back; others are refused.
- An ignored voxel is background for the loss, with a gradient of exactly 0: what crosses it is cut.
- Patches cut structures. With a plain border a skeleton ends before the edge, and holes that it
  cuts are none; for patches of vessels and membranes choose `Topology(border="framed")`.

The picture beside each name is what the loss asks of one map, {topology}:

| target | prediction |
|---|---|
| ![target](losses/target.svg) | ![prediction](losses/prediction.svg) |

The predicted ring is shifted by a voxel, broken at the right, pierced below, and accompanied by
an island. Blue wants more probability, red less; the outline is the target's. Steps of colour are
logarithmic, a factor of four each, down from the strongest pull; white is none, or less than a
thousandth of it.
"""


def maps():
    """Return the target and the logits of the prediction, ``(1, 1, SIDE, SIDE)`` float64."""
    y, x = np.mgrid[:SIDE, :SIDE]

    def ring(cy, cx):
        radius = np.hypot(y - cy, x - cx)
        return (radius > 5.5) & (radius < 9.5)

    target = ring(13, 12)
    field = 6.0 * gaussian_filter(ring(13, 13).astype(float), 0.8) - 3.0
    field[12:15, 18:24] -= 3.2
    field[20, 13] -= 3.0
    field[2:5, 23:26] += 4.0
    # no two voxels alike, so that no pairing is a matter of taste
    field += 0.05 * np.random.default_rng(0).normal(size=field.shape)
    return (torch.from_numpy(array.astype(float))[None, None] for array in (target, field))


def pull(name, target, logits):
    """Return minus the gradient at the logits, or None for a loss that takes no images."""
    factory = LOSSES.load(name)
    if 2 not in factory.info.ndims:
        return None
    arguments = dict(REQUIRED.get(name, {}))
    if factory.info.input == "probabilities":
        arguments["sigmoid"] = True
    loss = factory(**arguments)
    leaf = logits.clone().requires_grad_()
    prior = {"prior": torch.tensor([[1, 1]])} if factory.info.needs_prior else {"target": target}
    (gradient,) = torch.autograd.grad(loss(leaf, **prior), leaf)
    return -gradient[0, 0].numpy()


def svg(layers, outline):
    """Return an SVG of voxel sets, each in one colour, and the outline of a mask."""
    paths = []
    for colour, mask in layers:
        if mask.any():
            runs = "".join(
                f"M{left} {row}h{right - left}v1h{left - right}z"
                for row in range(SIDE)
                for left, right in _runs(mask[row])
            )
            paths.append(f'<path fill="{colour}" d="{runs}"/>')
    edge = _outline(outline)
    paths.append(f'<path fill="none" stroke="#555" stroke-width=".25" d="{edge}"/>')
    size = f'viewBox="0 0 {SIDE} {SIDE}" width="168" height="168"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} shape-rendering="crispEdges">'
    return f'{head}<rect width="{SIDE}" height="{SIDE}" fill="#fff"/>{"".join(paths)}</svg>\n'


def heat(values, outline):
    """Return the picture of a pull: five steps of either sign."""
    top = np.abs(values).max()
    steps = np.zeros(values.shape, int)
    if top > 0:
        relative = np.abs(values) / top
        steps[relative > 1e-3] = np.clip(
            5 + np.floor(np.log(relative[relative > 1e-3]) / np.log(4)).astype(int), 1, 5
        )
    layers = []
    for step in range(1, 6):
        layers.append((UP[step - 1], (steps == step) & (values > 0)))
        layers.append((DOWN[step - 1], (steps == step) & (values < 0)))
    return svg(layers, outline)


def grey(probabilities, outline):
    """Return the picture of a map, black is 1."""
    levels = np.rint(probabilities * 10).astype(int)
    shades = [
        (f"#{255 - 23 * k:02x}" + f"{255 - 23 * k:02x}" * 2, levels == k) for k in range(1, 11)
    ]
    return svg(shades, outline)


def _runs(row):
    change = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]).astype(int)))
    return change.reshape(-1, 2).tolist()


def _outline(mask):
    padded = np.pad(mask, 1)
    across = padded[1:, 1:-1] != padded[:-1, 1:-1]
    along = padded[1:-1, 1:] != padded[1:-1, :-1]
    horizontal = "".join(
        f"M{left} {row}h{right - left}"
        for row in range(SIDE + 1)
        for left, right in _runs(across[row])
    )
    vertical = "".join(
        f"M{column} {top}v{bottom - top}"
        for column in range(SIDE + 1)
        for top, bottom in _runs(along[:, column])
    )
    return horizontal + vertical


def page():
    """Return every file to write: path relative to docs, and text."""
    target, logits = maps()
    outline = target[0, 0].numpy() > 0
    files = {
        "losses/target.svg": grey(target[0, 0].numpy(), outline),
        "losses/prediction.svg": grey(logits.sigmoid()[0, 0].numpy(), outline),
    }
    text = [HEAD.format(topology=Topology().describe(2))]
    called, prepared = _times("called.json"), _times("times.json")
    text.append(
        "| loss | its pull | takes | cost | as called, x Dice | prepared, x Dice | when to use it |"
        "\n|---|---|---|---|---|---|---|"
    )
    for name in sorted(LOSSES):
        info = LOSSES.load(name).info
        values = pull(name, target, logits)
        picture = "(3D only)"
        if values is not None:
            files[f"losses/{name}.svg"] = heat(values, outline)
            picture = f"![pull of {name}](losses/{name}.svg)"
        takes = ", ".join(
            [
                " and ".join(f"{ndim}D" for ndim in info.ndims),
                info.input,
                "a Betti prior" if info.needs_prior else "masks",
            ]
        )
        cost = f"{info.cost} | {called.get(name, '')} | {prepared.get(name, '')}"
        text.append(f"| **{info.title}** `{name}` | {picture} | {takes} | {cost} | {info.advice} |")
    text.append("\n## Sources\n")
    for name in sorted(LOSSES):
        info = LOSSES.load(name).info
        facts = [
            f"Several channels: {info.multiclass}.",
            f"Compiled: {'in one graph' if info.fullgraph else 'with breaks in the graph'}.",
        ]
        if not info.double_backward:
            facts.append("First derivatives only.")
        if info.departures:
            facts.append(f"Unlike the authors' code: {info.departures}")
        text.append(f"- `{name}`: {info.citation}. {' '.join(facts)}")
    text.append(
        "\nTimes are forward and backward at 8 x 1 x 128 x 128 relative to Dice on one thread, "
        "from [results/losses](../results/losses/README.md).\n"
        "As called: `loss(logits, masks)` with masks that the loss has not seen. Prepared: what it "
        "needs of the masks was\ncomputed once for all epochs (`loss.prepare(masks)`, given to "
        "the call as `prepared`), as the trainings of this package do where images are not "
        "augmented.\nMasks that a loss has seen are remembered by their content and cost about "
        "what prepared ones do: 64 MiB for each loss,\nor as many as `TOPOEVAL_TARGET_CACHE` says; "
        "0 remembers nothing.\n\n"
        "How each differs from its paper stands in its folder in [baselines](../baselines)."
    )
    files["losses.md"] = "\n".join(text) + "\n"
    return files


def _times(name):
    """Return what each loss took, in times of Dice, from a committed record."""
    path = RECORDS / name
    if not path.exists():
        return {}
    try:
        record = opened(json.loads(path.read_bytes()), 2, 2)
    except ValueError as error:
        raise DamagedFileError(path, str(error)) from None
    return {
        row["loss"]: f"{row['ms'] / row['dice_ms']:.1f}"
        for row in record["rows"]
        if row["peer"] is None and row["shape"] == "8x1x128x128" and "ms" in row
    }


def main():
    """Write the files, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    stale = []
    for name, text in page().items():
        path = DOCS / name
        if options.check:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(name)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale:
        sys.exit(f"not what docs/make_losses.py writes: {', '.join(stale)}")


if __name__ == "__main__":
    main()
