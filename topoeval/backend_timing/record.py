"""What was measured, as data: one row per backend and case, and the machine it was measured on."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from topoeval.backend_timing.cases import Case
from topoeval.checksums import KEY, opened, sealed
from topoeval.errors import UserError
from topoeval.whole_file import read_bytes, write_text

SCHEMA = 2
_SEALED_FROM = 2


@dataclass(frozen=True, slots=True)
class Quartiles:
    """Median and the range of the middle half."""

    q1: float
    median: float
    q3: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Quartiles:
        """Return the quartiles of at least one value.

        >>> Quartiles.of([3.0, 1.0, 2.0])
        Quartiles(q1=1.5, median=2.0, q3=2.5)
        """
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        return cls(*statistics.quantiles(values, n=4, method="inclusive"))


@dataclass(frozen=True, slots=True)
class Row:
    """One backend in one case.

    Parameters
    ----------
    status
        ``ok``; ``over budget``: a call took longer than ``budget_s``, or one of a smaller image of
        the series did; ``failed`` with the reason in ``note``.
    cpu_s, wall_s
        Seconds per call, of all threads together and on the clock.
    repeats
        Calls behind them.
    peak_bytes
        Growth of a fresh process in one call, at its largest; None where it was not measured.
    bars
        Bars by dimension: what all backends must agree on.
    """

    backend: str
    case: Case
    status: str
    cpu_s: Quartiles | None = None
    wall_s: Quartiles | None = None
    repeats: int = 0
    peak_bytes: int | None = None
    bars: tuple[int, ...] = ()
    note: str = ""

    @property
    def voxels_per_second(self) -> float | None:
        """Voxels per second of CPU time."""
        return None if self.cpu_s is None else self.case.voxels / self.cpu_s.median


@dataclass(frozen=True, slots=True)
class Record:
    """All rows of a run.

    Parameters
    ----------
    environment
        Hardware and versions, of `topoeval.harness.runs.environment`, and the load before the run.
    titles
        Name of each backend to what tables print.
    budget_s
        Seconds that all calls of a backend in one case may take.
    rows
        In the order of measurement.
    """

    environment: dict[str, Any]
    titles: dict[str, str]
    budget_s: float
    rows: list[Row] = field(default_factory=list)

    def disagreements(self) -> list[str]:
        """Return the cases in which two backends count different bars in a common dimension."""
        found = []
        by_case: dict[Case, list[Row]] = {}
        for row in self.rows:
            if row.bars:
                by_case.setdefault(row.case, []).append(row)
        for case, rows in by_case.items():
            for dim in range(case.ndim):
                counts = {row.backend: row.bars[dim] for row in rows if dim < len(row.bars)}
                if len(set(counts.values())) > 1:
                    name = f"{case.construction} {case.size} {case.kind} H{dim}"
                    found.append(f"{name}: " + ", ".join(f"{k} {v}" for k, v in counts.items()))
        return found

    def save(self, path: Path) -> None:
        """Write JSON, one row a line so that a difference can be read."""
        head = {"schema": SCHEMA, "environment": self.environment, "titles": self.titles,
                "budget_s": self.budget_s}  # fmt: skip
        rows = [json.dumps(asdict(row)) for row in self.rows]
        head[KEY] = sealed({**head, "rows": [json.loads(row) for row in rows]})[KEY]
        listed = ",\n".join(rows)
        write_text(path, json.dumps(head, indent=1)[:-2] + f',\n "rows": [\n{listed}\n]}}\n')

    @classmethod
    def load(cls, path: Path) -> Record:
        """Read what `save` wrote.

        Raises
        ------
        UserError
            There is no such file, or it is no record of this schema.
        """
        try:
            data = json.loads(read_bytes(path))
            if data["schema"] not in range(1, SCHEMA + 1):
                raise UserError(f"{path} has another schema than {SCHEMA}; measure again")
            data = opened(data, _SEALED_FROM, SCHEMA)
            del data["schema"]
            rows = [_row(**row) for row in data.pop("rows")]
            return cls(**data, rows=rows)
        except UserError:
            raise
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path} holds no records of 'topoeval bench': {error}") from error


def _row(case: dict[str, Any], bars: list[int], **row: Any) -> Row:
    for key in ("cpu_s", "wall_s"):
        if row[key] is not None:
            row[key] = Quartiles(**row[key])
    case["shape"] = tuple(case["shape"])
    return Row(case=Case(**case), bars=tuple(bars), **row)
