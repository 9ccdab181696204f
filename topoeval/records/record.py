"""The record of a run: what was asked, what came of it, when, and on what.

All that write or read records do it by this model. A new field goes here, with
`ABSENT_WHEN_DEFAULT` in its type, so that records which do not need it stay as they are; a field
that changes its meaning raises `RECORD_SCHEMA` and needs a step in `topoeval.records.migration`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field

from topoeval.checksums import KEY, PREFIX
from topoeval.records.canonical import ABSENT_WHEN_DEFAULT, Frozen
from topoeval.records.cases import Cases
from topoeval.records.parts import MAIN_TEST
from topoeval.records.spec import RunSpec

RECORD_SCHEMA: Final = 4
OK: Final = "ok"

Status = Literal["ok", "failed", "timeout", "out_of_memory", "crashed", "diverged", "unavailable"]
Fault = Literal["method", "machine", "input"]

Count = Annotated[int | None, ABSENT_WHEN_DEFAULT]
Text = Annotated[str, ABSENT_WHEN_DEFAULT]


class Code(Frozen):
    """The version of topoeval, its commit, and whether the sources were changed since that."""

    version: str = ""
    commit: str | None = None
    dirty: bool | None = None

    @property
    def label(self) -> str:
        """The commit as people read it, with ``-dirty`` where the sources had been changed."""
        return f"{self.commit or ''}{'-dirty' if self.dirty else ''}"


class Environment(Frozen):
    """On what a run ran; nothing of a run that was killed.

    ``threads`` are those of torch; with another number sums are formed in another order, and
    scores may differ in their last digits.
    """

    python: Text = ""
    platform: Text = ""
    cpu: Text = ""
    cores: Count = None
    threads: Count = None
    memory_bytes: Count = None
    gpu: Annotated[str | None, ABSENT_WHEN_DEFAULT] = None
    versions: Annotated[dict[str, str | None], ABSENT_WHEN_DEFAULT] = Field(default_factory=dict)
    topoeval: Annotated[Code, ABSENT_WHEN_DEFAULT] = Code()

    def __bool__(self) -> bool:
        """Whether anything is known."""
        return self != Environment()


class Timing(Frozen):
    """Seconds: of the whole run, and of each part of a step of its optimiser on average."""

    wall_s: Annotated[float | None, ABSENT_WHEN_DEFAULT] = None
    steps: Count = None
    per_step_s: Annotated[dict[str, float], ABSENT_WHEN_DEFAULT] = Field(default_factory=dict)

    @property
    def step_s(self) -> float | None:
        """Seconds of a step, None of a run without steps."""
        return sum(self.per_step_s.values()) if self.per_step_s else None


class Memory(Frozen):
    """The largest memory of the process, and of the GPU where one was used, in bytes."""

    peak_rss_bytes: Count = None
    peak_cuda_bytes: Count = None


class Example(Frozen):
    """A case as pictures: grey values of 0 to 255 of ``shape``, zlib-compressed, in base64."""

    case: str
    shape: tuple[int, ...]
    image: str
    target: str
    prediction: str


class FurtherTest(Frozen):
    """What was scored on a test besides the main one."""

    cases: Cases = Field(default_factory=dict)


class AtThreshold(Frozen):
    """What a trained network scores on the main test where it predicts from ``value`` on.

    The names are ``half``, ``dice`` and ``topology``: 0.5, and what validation images chose.
    """

    value: float
    cases: Cases = Field(default_factory=dict)


class Outcome(Frozen):
    """What every record has, of a run or of an evaluation of files."""

    schema_version: int = Field(RECORD_SCHEMA, alias="schema", ge=RECORD_SCHEMA, le=RECORD_SCHEMA)
    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    status: Status
    fault: Fault | None = None
    error: str | None = None
    started: Text = ""
    finished: Text = ""
    timing: Timing = Timing()
    memory: Memory = Memory()
    environment: Environment = Environment()
    cases: Annotated[Cases, ABSENT_WHEN_DEFAULT] = Field(default_factory=dict)
    history: Annotated[dict[str, list[float | None]], ABSENT_WHEN_DEFAULT] = Field(
        default_factory=dict
    )
    examples: Annotated[tuple[Example, ...], ABSENT_WHEN_DEFAULT] = ()

    @property
    def ok(self) -> bool:
        """Whether the run did what it was to do."""
        return self.status == OK

    @property
    def reason(self) -> str:
        """The one line of a failure that says most: ours, or the exception's."""
        lines = [line.strip() for line in (self.error or "").splitlines() if line.strip()]
        if not lines:
            return ""
        # a supervisor's reason comes before the end of the log, an exception after its traceback
        return lines[-1 if self.status in ("diverged", "failed", "unavailable") else 0]


def _with_checksum(schema: dict[str, Any]) -> None:
    """Add to the published schema what files have beside the model (`topoeval.checksums`)."""
    schema["properties"][KEY] = {"pattern": f"^{PREFIX}[0-9a-f]{{64}}$", "type": "string"}
    schema["required"].append(KEY)


class Record(Outcome):
    """One run: what was asked, what came of it, when, and on what.

    Of a run that failed there is no ``cases``; an auxiliary network has a ``summary`` instead.
    ``metrics`` says by which revision each column was scored, ``answers`` whether predictions are
    kept. Columns of ``cases`` have one value for each test case, null where a metric has none;
    ``tests`` has those of further tests by name. ``examples`` are there for the first seed of a
    suite alone.
    """

    model_config = ConfigDict(json_schema_extra=_with_checksum)

    suite: str
    spec: RunSpec
    tests: Annotated[dict[str, FurtherTest], ABSENT_WHEN_DEFAULT] = Field(default_factory=dict)
    thresholds: Annotated[dict[str, AtThreshold], ABSENT_WHEN_DEFAULT] = Field(default_factory=dict)
    summary: Annotated[dict[str, float], ABSENT_WHEN_DEFAULT] = Field(default_factory=dict)
    metrics: Annotated[dict[str, int | str], ABSENT_WHEN_DEFAULT] = Field(default_factory=dict)
    answers: Text = ""
    numerics: Annotated[dict[str, Any], ABSENT_WHEN_DEFAULT] = Field(default_factory=dict)
    # of a record that was split by its tests: which one it is
    test: str = Field(MAIN_TEST, exclude=True)

    @classmethod
    def of(cls, spec: RunSpec, suite: str, started: datetime, result: Mapping[str, Any]) -> Record:
        """Return the record of a run that ends now.

        Parameters
        ----------
        spec, suite, started
            What was asked, for which suite, and when it began.
        result
            The fields that say what came of it. Their numbers are rounded to six significant
            digits, for records are committed.
        """
        return cls(
            id=spec.id,
            suite=suite,
            spec=spec.recorded(),
            started=started.isoformat(timespec="seconds"),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            **rounded(result),
        )

    def by_test(self) -> list[Record]:
        """Return a record for each test of a run that has several: to a table, datasets.

        What was spent on the run stands in the first, the main test's, and not a second time. The
        others have the identity ``ID/NAME``. A run with one test is returned as it is.
        """
        if not self.spec.dataset.tests:
            return [self]
        spent_before = {
            "timing": Timing(), "memory": Memory(), "history": {}, "examples": (), "tests": {},
            "thresholds": {},
        }  # fmt: skip
        return [
            self,
            *(
                self.model_copy(
                    update={
                        **spent_before,
                        "id": f"{self.id}/{name}",
                        "test": name,
                        "cases": self.tests[name].cases if name in self.tests else {},
                    }
                )
                for name in self.spec.dataset.tests
            ),
        ]


class FilesSpec(Frozen):
    """An evaluation of files: by what rules, and of which contents."""

    kind: Literal["files"] = "files"
    scored_by: Literal["topoeval"] = "topoeval"
    topology: str
    classes: tuple[str, ...]
    members: Annotated[dict[str, tuple[int, ...] | None], ABSENT_WHEN_DEFAULT] = Field(
        default_factory=dict
    )
    priors: dict[str, tuple[int, ...]]
    settings: dict[str, Any]
    threshold: float | None
    ignore: Annotated[int | None, ABSENT_WHEN_DEFAULT] = None
    values: Annotated[dict[str, str], ABSENT_WHEN_DEFAULT] = Field(default_factory=dict)
    missing: Annotated[str, ABSENT_WHEN_DEFAULT] = "leave-out"
    inputs: dict[str, dict[str, str]]


class FilesRecord(Outcome):
    """One evaluation of files, in the form of a run's record; it belongs to no suite.

    ``cases_csv`` is the checksum of the table beside it, where there is one.
    """

    suite: None = None
    spec: FilesSpec
    cases_csv: Text = ""
    notes: Annotated[tuple[str, ...], ABSENT_WHEN_DEFAULT] = ()


def rounded(value: Any) -> Any:
    """Return plain JSON values with six significant digits of floats, and null for NaN.

    >>> rounded({"dice": [1 / 3, float("nan")], "steps": 12345678})
    {'dice': [0.333333, None], 'steps': 12345678}
    """
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return value
