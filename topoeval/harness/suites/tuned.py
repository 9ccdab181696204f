"""The values that a search chose (``tuned.toml``), and how they enter a run."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from topoeval.checksums import KEY, opened, sealed
from topoeval.errors import UserError, nearest
from topoeval.harness.suites import parameters
from topoeval.harness.suites.parameters import with_params
from topoeval.harness.suites.space import Scalar, Values
from topoeval.harness.suites.suite import Suite
from topoeval.harness.suites.toml import load_toml, parse
from topoeval.records.canonical import Frozen
from topoeval.records.parts import DatasetSpec, Params, Training
from topoeval.records.spec import RunSpec
from topoeval.whole_file import write_text

SCHEMA = 2
_SEALED_FROM = 2


class Choice(Frozen):
    """The values chosen for a method on a dataset, which is named without the paths of files."""

    dataset: str
    params: Params = Field(default_factory=dict)
    method: str
    values: dict[str, Scalar] = Field(default_factory=dict)

    def is_for(self, dataset: DatasetSpec) -> bool:
        """Whether it was chosen on a planned `dataset`, wherever its files are."""
        same = json.dumps(self.params, sort_keys=True) == json.dumps(dataset.params, sort_keys=True)
        return same and self.dataset == dataset.name


class Tuned(Frozen):
    """The content of ``tuned.toml``: what the search of a suite chose, and with which seeds."""

    schema_version: int = Field(SCHEMA, alias="schema", ge=1, le=SCHEMA)
    suite: str
    seeds: tuple[int, ...]
    choices: tuple[Choice, ...] = Field(alias="choice")

    def values(self, dataset: DatasetSpec, method: str) -> Values:
        """Return what was chosen for a method on a planned `dataset`, or nothing."""
        for choice in self.choices:
            if choice.method == method and choice.is_for(dataset):
                return dict(choice.values)
        return {}

    def knows(self, dataset: DatasetSpec) -> bool:
        """Whether there was a search on a planned `dataset`."""
        return any(choice.is_for(dataset) for choice in self.choices)

    def unknown(self, dataset: DatasetSpec) -> str:
        """Return what to say of a `dataset` without a search."""
        return (
            f"the tuned values have none for dataset {dataset.label!r}; search with "
            f"'topoeval tune {self.suite} --dataset {dataset.name}'"
        )

    def check(self, suite: Suite, dataset: DatasetSpec, methods: Iterable[str]) -> None:
        """Refuse to tune `suite` with this file unless it was made for it.

        `methods` are the labels of its methods.

        Raises
        ------
        UserError
            Another suite; a seed that is also one of the final runs; a method without a choice.
        """
        if self.suite != suite.name:
            raise UserError(
                f"the tuned values are those of suite {self.suite!r}, not of {suite.name!r}"
            )
        if both := sorted(set(self.seeds) & set(suite.seeds)):
            raise UserError(
                f"suite {suite.name!r}: its seeds {both} chose the tuned values; "
                "a final run needs seeds of its own"
            )
        known = {choice.method for choice in self.choices if choice.is_for(dataset)}
        for method in methods:
            if method not in known:
                raise UserError(
                    f"the tuned values have none for method {method!r} on {dataset.name!r} "
                    f"{json.dumps(dataset.params)}; run 'topoeval tune {suite.name}' again"
                )

    def write(self, path: Path, comment: str) -> None:
        """Write the file that `read_tuned` reads."""
        head = [*(f"# {line}" for line in comment.splitlines()), "", f"schema = {SCHEMA}"]
        lines = [f"suite = {_toml(self.suite)}", f"seeds = {_toml(list(self.seeds))}"]
        for choice in self.choices:
            data = choice.model_dump()
            lines += ["", "[[choice]]", *(f"{key} = {_toml(data[key])}" for key in data)]
        seal = sealed(tomllib.loads("\n".join([*head, *lines])))[KEY]
        write_text(path, "\n".join([*head, f"{KEY} = {_toml(seal)}", *lines]) + "\n")


def read_tuned(path: Path) -> Tuned:
    """Read a ``tuned.toml``.

    Raises
    ------
    UserError
        It is not there, not TOML, not of this form, or has changed since it was written.
    """
    data = load_toml(path)
    try:
        data = opened(data, _SEALED_FROM, SCHEMA)
    except ValueError as error:
        raise UserError(
            f"{path}: {error}; search again, or, if you changed it yourself, write schema = 1 and "
            f"take out the line '{KEY}'"
        ) from None
    return parse(data, Tuned, str(path))


def vary(run: RunSpec, values: Mapping[str, Scalar]) -> RunSpec:
    """Return `run` with other values of parameters: of its method, or ``training.NAME``.

    How the method is called stays as it is.

    Raises
    ------
    UserError
        There is no such parameter, or it cannot have that value.
    """
    if not values:
        return run
    training, own = _apart(values)
    method = with_params(run.method, own).model_copy(update={"variant": run.method.variant})
    changed = {**run.training.model_dump(), **training}
    where = f"training of method {method.name!r}"
    return run.model_copy(update={"method": method, "training": parse(changed, Training, where)})


def value_of(run: RunSpec, name: str) -> Scalar:
    """Return the value that `vary` would replace.

    Raises
    ------
    UserError
        There is no such parameter.
    """
    training, _ = _apart({name: ""})
    if not training:
        return parameters.value_of(run.method, name)
    (key,), known = training, run.training.model_dump()
    if key not in known:
        raise UserError(f"a training has no {key!r}{nearest(key, known)}")
    value: Scalar = known[key]
    return value


def _apart(values: Mapping[str, Scalar]) -> tuple[Values, Values]:
    """Return the values of the training, by their last part, and those of the method."""
    head = "training."
    training = {k.removeprefix(head): v for k, v in values.items() if k.startswith(head)}
    return training, {k: v for k, v in values.items() if not k.startswith(head)}


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
