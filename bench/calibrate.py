"""How hard the presets are: Betti accuracy of a small U-Net trained on 100 labels.

    python bench/calibrate.py network --param side=64 --epochs 30

prints one row per preset for the table in docs/datasets.md. Dice and cross-entropy, Adam, no
topology loss, no augmentation; scored on `test` against the sample's own mask, in the topology of
the dataset's card, and on `shifted` where there is one.
"""

from __future__ import annotations

import argparse
import time
import tomllib

import torch

from topoeval import datasets
from topoeval.datasets.synthetic import DIFFICULTIES
from topoeval.metrics import Settings, score_cases
from topoeval.networks.unets import unet
from topoeval.training import Schedule, TensorSet, build_term, fit, predict


def main() -> None:
    """Train and score each preset of a family."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--difficulty", nargs="+", default=list(DIFFICULTIES))
    parser.add_argument("--param", nargs="*", default=[], help="KEY=VALUE as in TOML")
    parser.add_argument("--train", type=int, default=100)
    parser.add_argument("--test", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--channels", type=int, nargs="+", default=[16, 32, 64, 128])
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    params = tomllib.loads("\n".join(args.param))
    for difficulty in args.difficulty:
        started = time.process_time()
        row = measure(args, {**params, "difficulty": difficulty})
        print(f"| {args.name} | {difficulty} | {row} | {time.process_time() - started:.0f} s |")


def measure(args: argparse.Namespace, params: dict[str, object]) -> str:
    """Return Dice and Betti accuracy on the test, and the accuracy on the shifted test."""
    info = datasets.info(args.name)

    def split(name: str, size: int) -> TensorSet:
        return TensorSet.from_samples(
            list(datasets.load(args.name, name, size, seed=args.seed, **params))
        )

    train = split("train", args.train)
    torch.manual_seed(args.seed)
    network = unet(
        ndim=info.ndim,
        in_channels=train.images.shape[1],
        out_channels=train.targets.shape[1],
        channels=args.channels,
        norm="batch",
    )
    terms = [build_term(name, topology=info.topology) for name in ("cross_entropy", "dice")]
    schedule = Schedule(epochs=args.epochs, batch_size=args.batch, learning_rate=2e-3)
    fit(network, terms, train, schedule=schedule, seed=args.seed)
    cells = []
    for name in ("test", "shifted"):
        held = split(name, args.test)
        columns = score_cases(
            predict(network, held.images, 10).numpy(),
            held.targets.numpy(),
            Settings(info.topology),
            ["dice", "matches_truth"],
        )
        accuracy = columns["matches_truth"].mean()
        cells.append(f"{columns['dice'].mean():.3f} | {accuracy:.2f}")
    return " | ".join(cells)


if __name__ == "__main__":
    main()
