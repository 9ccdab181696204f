"""What ``topoeval repair`` refuses before anything is written: each in one line."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from topoeval.errors import UserError
from topoeval.images import split_inside
from topoeval.images.reading import Reading
from topoeval.images.survey import Survey
from topoeval.repair import Options
from topoeval.repair.files import Order, Priors
from topoeval.topology import Topology


def repaired_labels(
    surveys: Sequence[Survey], reading: Reading, asked: int | None, ignored: int | None
) -> frozenset[int]:
    """Return the labels that are classes; refuse an ignore label where there are no labels."""
    if asked is not None and (reading.fractions or any(one.channels for one in surveys)):
        raise UserError(
            f"--ignore {asked} is a label, and the files are read as probabilities; leave it out"
        )
    if asked == 0:
        raise UserError("--ignore 0 is background, which is no class; leave it out")
    left = reading.labels - {ignored}
    if ignored in reading.labels and not left:
        raise UserError(
            f"the ignore label {ignored} is the only label of the files, so nothing is left to be "
            "repaired; leave --ignore out, or name the label that marks voxels to leave out"
        )
    return left


def check_priors(
    priors: Priors,
    surveys: Sequence[Survey],
    labels: Collection[int],
    names: Mapping[int, str],
    topology: Topology,
) -> None:
    """Refuse numbers that no mask has, of another dimension, or of a class that no file holds."""
    for name, prior in priors.items():
        numbers = ",".join(map(str, prior))
        if prior[0] == 0 and any(prior):
            raise UserError(f"--betti {numbers}: without a component no mask has a hole; write 1")
        if prior[0] == 0 and topology.framed:
            raise UserError(
                f"--betti {numbers}: with {topology} the frame is a component; write 1 or more"
            )
        for one in surveys:
            if len(prior) != len(one.shape):
                raise UserError(
                    f"{one.file} has {len(one.shape)} axes, --betti {numbers} is for {len(prior)}"
                )
        if name is None and not labels and prior[0] > 0:
            raise UserError(
                f"--betti {numbers} is wanted of no class: every voxel of the files is 0; leave "
                "them out, or give the probabilities that they were made from, with --threshold"
            )
        if name is not None and name not in {str(label) for label in labels}:
            held = [f"{label} {names.get(label, '')}".strip() for label in sorted(labels)]
            found = ", ".join(held) or "none"
            raise UserError(f"--betti names class {told(name, names)!r}, the files hold {found}")


def told(label: str, names: Mapping[int, str]) -> str:
    """Return the name of a class, where it has one."""
    return names.get(int(label), label) if label.isdecimal() else label


def check_options(
    options: Options,
    priors: Priors,
    soft: bool,
    threshold: float | None,
    orders: Sequence[Order],
) -> None:
    """Refuse options that contradict each other, and those of probabilities for masks.

    Parameters
    ----------
    options, priors, threshold, orders
        What is asked.
    soft
        Whether the files themselves are probabilities.
    """
    for prior in priors.values():
        if options.keep is not None and options.keep < prior[0]:
            raise UserError(
                f"--keep {options.keep} leaves fewer components than --betti "
                f"{','.join(map(str, prior))} wants; leave one of them out"
            )
    if options.settle and threshold not in (None, 0.5):
        raise UserError(
            f"--settle takes probabilities as they are, and --threshold {threshold:g} stretches "
            "them; leave one of them out, or say --threshold 0.5"
        )
    if soft:
        return
    needs = {
        "--evidence": options.evidence > 0,
        "--limit": options.limit is not None,
        "--settle": options.settle,
    }
    hard = [order.source for order in orders if order.softmax is None]
    for option, given in needs.items():
        if given and hard:
            raise UserError(
                f"{option} needs probabilities, and {hard[0]} is read as labels; leave it out, or "
                "give probability maps with --threshold"
            )


def check_report(report: Path, orders: Sequence[Order], out: Path) -> None:
    """Refuse a report in the place of a file that is read or written."""
    place = report.resolve()
    if place == out.resolve():
        raise UserError(f"--report {report} is the folder of --out; name a file")
    for order in orders:
        read = [split_inside(order.source)[0], order.softmax]
        if any(path is not None and place == path.resolve() for path in read):
            raise UserError(f"--report {report} is a file that is read; name another file")
        if place == order.target.resolve():
            raise UserError(f"--report {report} is where a result goes; name another file")
