"""Values that a search chose, and how they become part of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from topoeval.errors import UserError, nearest
from topoeval.harness.model import DatasetSpec, Frozen, Params, parse, read_toml
from topoeval.harness.space import Scalar, Values
from topoeval.harness.spec import RunSpec
from topoeval.harness.suite import Suite

SCHEMA = 1
_STRENGTHS = ("weight", "gradient_ratio")


class Choice(Frozen):
    """The values chosen for a method on a dataset, which is named without the paths of files."""

    dataset: str
    params: Params = Field(default_factory=dict)
    method: str
    values: dict[str, Scalar] = Field(default_factory=dict)


class Tuned(Frozen):
    """The content of ``tuned.toml``: what the search of a suite chose, and with which seeds."""

    schema_version: int = Field(SCHEMA, alias="schema", ge=SCHEMA, le=SCHEMA)
    suite: str
    seeds: tuple[int, ...]
    choices: tuple[Choice, ...] = Field(alias="choice")

    def values(self, dataset: DatasetSpec, method: str) -> Values:
        """Return what was chosen for a method on a planned `dataset`, or nothing."""
        for choice in self.choices:
            if choice.method == method and _same(choice, dataset):
                return dict(choice.values)
        return {}

    def check(self, suite: Suite, dataset: DatasetSpec) -> None:
        """Refuse to tune `suite` with this file unless it was made for it.

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
        known = {choice.method for choice in self.choices if _same(choice, dataset)}
        for method in suite.methods:
            if method not in known:
                raise UserError(
                    f"the tuned values have none for method {method!r} on {dataset.name!r} "
                    f"{json.dumps(dataset.params)}; run 'topoeval tune {suite.name}' again"
                )

    def write(self, path: Path, comment: str) -> None:
        """Write the file that `read_tuned` reads."""
        lines = [f"# {line}" for line in comment.splitlines()]
        lines += ["", f"schema = {self.schema_version}", f"suite = {_toml(self.suite)}"]
        lines += [f"seeds = {_toml(list(self.seeds))}"]
        for choice in self.choices:
            data = choice.model_dump()
            lines += ["", "[[choice]]", *(f"{key} = {_toml(data[key])}" for key in data)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_tuned(path: Path) -> Tuned:
    """Read a ``tuned.toml``.

    Raises
    ------
    UserError
        It is not there, not TOML, or not of this form.
    """
    return read_toml(path, Tuned)


def vary(run: RunSpec, values: Mapping[str, Scalar]) -> RunSpec:
    """Return `run` with other values of what is named.

    ``LOSS.weight`` (or ``gradient_ratio``, ``start``, ``ramp``, or a parameter of the loss),
    ``adaptation.NAME``, ``remedy.NAME``, ``training.NAME``; a name alone is of the last loss, which
    is the one that a method is about.

    Raises
    ------
    UserError
        There is no such thing to vary, or it cannot have that value.
    """
    if not values:
        return run
    data = run.model_dump()
    for name, value in values.items():
        table, key = _place(run, data, name)
        table[key] = value
    return parse(data, RunSpec, f"tuned values of method {run.method.name!r}")


def value_of(run: RunSpec, name: str) -> Scalar:
    """Return the value that `vary` would replace.

    Raises
    ------
    UserError
        There is no such thing, or the method does not state it.
    """
    table, key = _place(run, run.model_dump(), name)
    if key not in table:
        raise UserError(
            f"method {run.method.name!r} searches {name!r} and does not state it; "
            "write the value it has by default into its method.toml"
        )
    value: Scalar = table[key]
    return value


def _place(run: RunSpec, data: dict[str, Any], name: str) -> tuple[dict[str, Any], str]:
    """Return the table in the `data` of a run that holds what is called `name`, and its key."""
    owner, _, key = name.rpartition(".")
    method = data["method"]
    for term in reversed(method["losses"]):
        if owner in ("", term["name"]):
            return _of_term(run, term, name, key)
    tables = {"training": data["training"], "adaptation": method["adaptation"]}
    if method["remedy"] is not None:
        tables["remedy"] = method["remedy"]["params"]
    table = tables.get(owner)
    if table is None or key not in table:
        known = [term["name"] for term in method["losses"]]
        known += [place for place, there in tables.items() if there is not None]
        hint = nearest(owner, known) if table is None else nearest(key, table)
        raise UserError(f"method {run.method.name!r} has no {name!r} to search{hint}")
    return table, key


def _of_term(run: RunSpec, term: dict[str, Any], name: str, key: str) -> tuple[dict[str, Any], str]:
    if key in _STRENGTHS and key not in term:
        other = _STRENGTHS[1 - _STRENGTHS.index(key)]
        raise UserError(f"method {run.method.name!r} has no {name!r} to search, but {other!r}")
    return (term if key in (*_STRENGTHS, "start", "ramp") else term["params"]), key


def _same(choice: Choice, dataset: DatasetSpec) -> bool:
    def text(params: Params) -> str:
        return json.dumps(params, sort_keys=True)

    return choice.dataset == dataset.name and text(choice.params) == text(dataset.params)


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
