"""What a submission says of itself: the keys of ``submission.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from topoeval.errors import UserError, nearest
from topoeval.evaluate import Options, parse_classes, parse_priors
from topoeval.metrics import Settings
from topoeval.topology import Topology


@dataclass(frozen=True, slots=True)
class About:
    """What a submission says of itself: the keys of ``submission.toml``.

    Parameters
    ----------
    method, dataset
        Names; the dataset with its version.
    topology
        As `Topology.parse` reads it.
    title, paper, code, contact, notes
        For people.
    classes, betti, threshold
        As the options of ``topoeval evaluate``; ``betti`` is a list.
    """

    method: str
    dataset: str
    topology: str
    title: str = ""
    paper: str = ""
    code: str = ""
    contact: str = ""
    notes: str = ""
    classes: str = ""
    betti: tuple[str, ...] = ()
    threshold: float | None = None

    @property
    def options(self) -> Options:
        """How its predictions are scored."""
        return Options(
            settings=Settings(topology=Topology.parse(self.topology)),
            classes=parse_classes(self.classes) if self.classes else None,
            priors=parse_priors(self.betti),
            threshold=self.threshold,
        )


def read_about(path: Path) -> About:
    """Read ``submission.toml``.

    Raises
    ------
    UserError
        If it is missing, no TOML, or a key is missing, unknown or of the wrong kind.
    """
    if not path.is_file():
        raise UserError(f"no {path}; it names method, dataset and topology (docs/results.md)")
    try:
        return parse_about(tomllib.loads(path.read_text(encoding="utf-8")), path)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no TOML: {error}") from None


def parse_about(found: Mapping[str, Any], where: Path) -> About:
    """Return the keys of a ``submission.toml`` that has been read from `where`.

    Raises
    ------
    UserError
        If a key is missing, unknown or of the wrong kind.
    """
    keys = {field.name: field for field in fields(About)}
    for key, value in found.items():
        if key not in keys:
            raise UserError(f"{where}: unknown key {key!r}{nearest(key, keys)}")
        kind: Any = {"betti": list, "threshold": (int, float)}.get(key, str)
        if not isinstance(value, kind):
            raise UserError(f"{where}: {key} = {value!r} is of the wrong kind")
        if key == "threshold" and not 0 <= value <= 1:
            raise UserError(f"{where}: threshold = {value} is outside [0, 1]")
    missing = [key for key in ("method", "dataset", "topology") if not found.get(key)]
    if missing:
        raise UserError(f"{where} lacks {', '.join(missing)}")
    about = About(**{**found, "betti": tuple(str(text) for text in found.get("betti", ()))})
    _ = about.options  # says now what is wrong with topology, classes and priors
    return about
