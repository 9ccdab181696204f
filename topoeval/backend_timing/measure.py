"""Measure backends case by case: in turns, in processes of their own, within a budget.

In turns, because a shared machine is fast in one minute and slow in the next; in processes of
their own, because an engine that takes too long can only be ended from outside.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from typing import Any

from topoeval.backend_timing.cases import Case, Plan
from topoeval.backend_timing.record import Quartiles, Record, Row
from topoeval.backend_timing.worker import Sample, applicable, can_weigh, serve, weigh
from topoeval.errors import UserError
from topoeval.harness.runs.environment import describe
from topoeval.persistence import BACKENDS

_START_SECONDS = 120  # to import a library, on a busy machine
Listener = Callable[[str], None]


def measure(
    plan: Plan,
    backends: Sequence[str] | None = None,
    *,
    threads: int = 1,
    listener: Listener = lambda _: None,
) -> Record:
    """Measure backends against each other.

    Parameters
    ----------
    plan
        Cases, repeats and budget.
    backends
        Names; all that are available by default.
    threads
        OMP_NUM_THREADS of the processes. An engine may run threads of its own all the same; CPU
        time counts them.
    listener
        Called with a few words before each step.

    Raises
    ------
    UserError
        A name is unknown.
    UnavailableError
        A backend is not installed or broken.
    """
    names = BACKENDS.available() if backends is None else list(dict.fromkeys(backends))
    if not names:
        raise UserError("no backend to measure")
    infos = {name: BACKENDS.load(name).info for name in names}
    environment = describe("cpu", threads, "topoeval")
    environment["versions"].update({info.package: info.version for info in infos.values()})
    environment["load_average"] = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    titles = {
        name: info.title + ("" if info.gives_locations else " (values only)")
        for name, info in infos.items()
    }
    record = Record(environment, titles, plan.budget)
    os.environ["OMP_NUM_THREADS"] = str(threads)  # for the processes that start from here
    engines = {name: Engine(name) for name in names}
    try:
        for series in plan.series():
            slow: dict[str, Case] = {}
            for case in series:
                record.rows.extend(_one_case(case, plan, engines, slow, listener))
    finally:
        for engine in engines.values():
            engine.close()
    return record


class Engine:
    """A backend that runs in a process of its own.

    It starts with the first question and again after it was ended.
    """

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self._process: Any = None
        self._connection: Any = None

    def time(self, case: Case, seconds: float) -> Sample:
        """Return one call of `case`.

        Raises
        ------
        TimeoutError
            It took longer than `seconds`; its process was ended.
        EngineError
            It raised, or its process died.
        """
        if self._process is None:
            self._start(serve)
        self._connection.send(case)
        return self._answer(seconds)

    def weigh(self, case: Case, seconds: float) -> int:
        """Return the bytes of one call of `case` in a fresh process; raises as `time` does."""
        fresh = Engine(self.backend)
        try:
            fresh._start(weigh, case)
            return fresh._answer(seconds)
        finally:
            fresh.close()

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._connection.close()
            self._process.kill()
            self._process.join()
            self._process = None

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=target, args=(theirs, self.backend, *arguments), daemon=True
        )
        self._process.start()
        theirs.close()
        self._answer(_START_SECONDS)

    def _answer(self, seconds: float) -> Any:
        if not self._connection.poll(seconds):
            self.close()
            raise TimeoutError
        try:
            answer = self._connection.recv()
        except EOFError:
            self._process.join()
            code = self._process.exitcode
            self.close()
            raise EngineError(f"its process ended with exit code {code}") from None
        if isinstance(answer, str) and answer != "ready":
            raise EngineError(answer)
        return answer


class EngineError(Exception):
    """An engine raised, or its process died; the message says which."""


def _one_case(
    case: Case,
    plan: Plan,
    engines: dict[str, Engine],
    slow: dict[str, Case],
    listener: Listener,
) -> list[Row]:
    """Return the rows of one case; `slow` collects who is beyond the budget and since when."""
    samples: dict[str, list[Sample]] = {}
    ended: dict[str, Row] = {}
    for name in applicable(list(engines), case):
        if name in slow:
            ended[name] = Row(name, case, "over budget", note=f"already at {slow[name].size}")
        else:
            samples[name] = []

    spent = dict.fromkeys(samples, 0.0)
    # the first round warms up; it counts only where nothing else fits into the budget
    for turn in range(plan.repeats + 1):
        for name in [name for name in samples if name not in ended]:
            longest = max((sample.wall for sample in samples[name]), default=0.0)
            if turn and spent[name] + longest > plan.budget:
                continue
            listener(f"{case.construction} {case.size} {case.kind}: {name}")
            try:
                sample = engines[name].time(case, plan.budget)
            except TimeoutError:
                slow[name] = case
                ended[name] = Row(name, case, "over budget")
            except EngineError as error:
                ended[name] = Row(name, case, "failed", note=str(error))
            else:
                samples[name].append(sample)
                spent[name] += sample.wall

    rows = []
    for name in engines:
        if name in ended:
            rows.append(ended[name])
        elif name in samples:
            rows.append(_summary(name, case, plan, engines[name], samples[name], listener))
    return rows


def _summary(
    name: str,
    case: Case,
    plan: Plan,
    engine: Engine,
    samples: list[Sample],
    listener: Listener,
) -> Row:
    peak, note = None, ""
    if plan.weighs(case) and can_weigh():
        listener(f"{case.construction} {case.size} {case.kind}: {name}, memory")
        try:
            peak = engine.weigh(case, _START_SECONDS + plan.budget)
        except (EngineError, TimeoutError) as error:
            note = f"memory: {error or 'no answer'}"
    counted = samples[1:] or samples
    return Row(
        backend=name,
        case=case,
        status="ok",
        cpu_s=Quartiles.of([sample.cpu for sample in counted]),
        wall_s=Quartiles.of([sample.wall for sample in counted]),
        repeats=len(counted),
        peak_bytes=peak,
        bars=counted[0].bars,
        note=note,
    )
