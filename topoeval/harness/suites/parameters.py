"""The parameters of a method by name: weights, schedules, arguments of its losses.

A parameter is named in full, as ``betti_prior.weight`` or ``adaptation.steps``, or by its last part
alone. The last part alone means the last loss of the method, which is the one that the method is
about (those before it are its base), then the adaptation, the remedy and the teacher. ``flips``
and ``shifts`` are the method's own.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError

from topoeval.errors import UserError, nearest
from topoeval.harness.suites.toml import parse
from topoeval.losses import LOSSES
from topoeval.records.parts import AdaptationSpec, LossTerm, Method, Params, TeacherSpec
from topoeval.registry import Registry, Source, State

_TERM = ("weight", "gradient_ratio", "start", "ramp")
# only one of the two can be given
_INSTEAD_OF = {"weight": "gradient_ratio", "gradient_ratio": "weight"}

# what every loss of a suite shares; a method has no say in it
_OF_THE_SUITE = ("topology", "backend")

_TYPES = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}

# where a value is inside the data of a method, and the value where there is none
Place = tuple[tuple[str | int, ...], Any]


def with_params(method: Method, params: Mapping[str, Any]) -> Method:
    """Return `method` with other values of its parameters, and these as its `variant`.

    Raises
    ------
    UserError
        An unknown parameter, with the nearest name; a value that it cannot have.
    """
    if not params:
        return method
    data = method.model_dump()
    full = {_full_name(method, name): value for name, value in params.items()}
    for name, value in full.items():
        path, _ = _places(method)[name]
        _set(data, path, value)
        other = _INSTEAD_OF.get(str(path[-1]))
        if other is not None and name.rpartition(".")[0] + "." + other not in full:
            _owner(data, path).pop(other, None)
    data["variant"] = {**method.variant, **params}
    changed = parse(data, Method, f"method {method.name!r}")
    check_params(changed)
    return changed


def value_of(method: Method, name: str) -> Any:
    """Return the value that a parameter has in `method`, its default included.

    Raises
    ------
    UserError
        An unknown parameter, with the nearest name.
    """
    path, default = _places(method)[_full_name(method, name)]
    value: Any = method.model_dump()
    for part in path:
        if isinstance(value, dict) and part not in value:
            return default
        value = value[part]
    return value


def tells_prior(method: Method) -> bool:
    """Whether a method is given the Betti numbers of each sample."""
    return (
        method.regime == "post_process"
        or method.remedy is not None
        or any(
            term.name in LOSSES
            and LOSSES.status(term.name).state is State.AVAILABLE
            and LOSSES.load(term.name).info.needs_prior
            and "prior" not in term.params
            for term in method.losses
        )
    )


def takes_backend(method: Method) -> bool:
    """Whether the results of a method can depend on the persistence backend."""
    return any(
        term.name in LOSSES
        and LOSSES.status(term.name).state is State.AVAILABLE
        and LOSSES.load(term.name).info.takes_backend
        for term in method.losses
    )


def _full_name(method: Method, name: str) -> str:
    places = _places(method)
    if name in places:
        return name
    owners = [term.name for term in method.losses[-1:]] + ["adaptation", "remedy", "teacher"]
    for owner in owners:
        if f"{owner}.{name}" in places:
            return f"{owner}.{name}"
    known = places if "." in name else {full.rpartition(".")[2] for full in places}
    raise UserError(f"method {method.name!r} has no parameter {name!r}{nearest(name, known)}")


@lru_cache(maxsize=1024)
def _places_of(text: str, sources: tuple[Source | None, ...]) -> Mapping[str, Place]:
    method = Method.model_validate_json(text)
    places: dict[str, Place] = {}
    for index, term in enumerate(method.losses):
        for name, default in (_loss_keywords(term.name) or dict.fromkeys(term.params)).items():
            places[f"{term.name}.{name}"] = ("losses", index, "params", name), default
        for name in _TERM:
            # of weight and gradient_ratio, a term has the one that it was given
            default = None if name in _INSTEAD_OF else LossTerm.model_fields[name].default
            places[f"{term.name}.{name}"] = ("losses", index, name), default
    if method.adaptation is not None:
        for name, field in AdaptationSpec.model_fields.items():
            places[f"adaptation.{name}"] = ("adaptation", name), field.default
    if method.remedy is not None:
        known = _remedy_keywords(method.remedy.name) or dict.fromkeys(method.remedy.params)
        for name, default in known.items():
            places[f"remedy.{name}"] = ("remedy", "params", name), default
    if method.teacher is not None:
        for name, field in TeacherSpec.model_fields.items():
            places[f"teacher.{name}"] = ("teacher", name), field.default
    for name in ("flips", "shifts"):
        places[name] = (name,), Method.model_fields[name].default
    return places


def _places(method: Method) -> Mapping[str, Place]:
    # a plug-in that is edited and loaded again may have other parameters
    sources = tuple(LOSSES.source(t.name) for t in method.losses if t.name in LOSSES)
    if method.remedy is not None and method.remedy.name in _remedies():
        sources += (_remedies().source(method.remedy.name),)
    return _places_of(method.model_dump_json(), sources)


def _owner(data: Params, path: tuple[str | int, ...]) -> Any:
    owner: Any = data
    for part in path[:-1]:
        owner = owner[part]
    return owner


def _set(data: Params, path: tuple[str | int, ...], value: Any) -> None:
    _owner(data, path)[path[-1]] = value


@cache
def keywords(factory: Callable[..., Any]) -> Mapping[str, Any] | None:
    """Return the keyword arguments of a class or function with their defaults.

    What a class hands on by ``**kwargs`` is looked up in its bases. None: it takes any keyword.
    """
    if not inspect.isclass(factory):
        known, more = _own(factory)
        return None if more else known
    known = {}
    for cls in factory.__mro__:
        if "__init__" in vars(cls):
            own, more = _own(vars(cls)["__init__"])
            known = {**own, **known}
            if not more:
                return known
    return None


def _own(function: Callable[..., Any]) -> tuple[dict[str, Any], bool]:
    parameters = inspect.signature(function).parameters.values()
    named = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    own = {p.name: p.default for p in parameters if p.kind in named and p.name != "self"}
    return own, any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)


def check_params(method: Method) -> None:
    """Refuse a parameter that a loss or the remedy of `method` does not have.

    Raises
    ------
    UserError
        An unknown loss, remedy or parameter of one, with the nearest name; or as `check_remedy`.
    """
    for term in method.losses:
        if term.name not in LOSSES:
            raise UserError(
                f"method {method.name!r}: unknown loss {term.name!r}{nearest(term.name, LOSSES)}"
            )
        where = f"method {method.name!r}"
        _check(where, f"loss {term.name!r}", term.params, _loss_keywords(term.name))
    if method.remedy is not None:
        check_remedy(f"method {method.name!r}", method.remedy.name, method.remedy.params)


def check_remedy(where: str, name: str, params: Mapping[str, Any]) -> None:
    """Refuse a remedy that there is not, a parameter that it does not have, or of another type.

    Types are those of its annotations; what has none takes every value.

    Parameters
    ----------
    where
        Who names it, for the message.
    name, params
        Of the remedy.

    Raises
    ------
    UserError
        With the parameter, its value and what it takes.
    """
    remedies = _remedies()
    if name not in remedies:
        raise UserError(f"{where}: unknown remedy {name!r}{nearest(name, remedies)}")
    known = _remedy_keywords(name)
    _check(where, f"remedy {name!r}", params, known)
    if known is None:
        return
    try:
        hints = get_type_hints(remedies.load(name))
    except (NameError, TypeError):  # annotations of others, of names that are only there for mypy
        return
    for param, value in params.items():
        if (takes := not_of(hints.get(param, Any), value)) is not None:
            raise UserError(f"{where}: remedy {name!r} takes {takes} as {param}, got {value!r}")


def _check(
    where: str, owner: str, params: Mapping[str, Any], known: Mapping[str, Any] | None
) -> None:
    for name in params:
        if known is not None and name not in known:
            hint = "; it is the suite's" if name in _OF_THE_SUITE else nearest(name, known)
            raise UserError(f"{where}: {owner} has no parameter {name!r}{hint}")


def not_of(annotation: Any, value: Any) -> str | None:
    """Return in words what a type takes where `value` is not of it; else None.

    A whole number is a number, and nothing else is something else: 1 is not true.

    >>> not_of(bool, "maybe"), not_of(float, 3), not_of(int, 1.5), not_of(float, True)
    ('true or false', None, 'a whole number', 'a number')
    """
    try:
        # as JSON, in which a list may be a tuple
        TypeAdapter(annotation).validate_json(json.dumps(value, default=str), strict=True)
    except ValidationError as error:
        other = error.errors()[0]["msg"].removeprefix("Input should be ")
        return _TYPES.get(annotation, other)
    except PydanticSchemaGenerationError:  # a type of which pydantic knows nothing
        return None
    return None


def _loss_keywords(name: str) -> Mapping[str, Any] | None:
    # a loss that cannot be loaded here is an obstacle to a run and no mistake in the suite
    if name not in LOSSES or LOSSES.status(name).state is not State.AVAILABLE:
        return None
    known = keywords(LOSSES.load(name))
    return known and {key: value for key, value in known.items() if key not in _OF_THE_SUITE}


def _remedy_keywords(name: str) -> Mapping[str, Any] | None:
    remedies = _remedies()
    if name not in remedies or remedies.status(name).state is not State.AVAILABLE:
        return None
    known = keywords(remedies.load(name))
    given = ("probabilities", "prior", "topology")
    return known and {key: value for key, value in known.items() if key not in given}


def _remedies() -> Registry[Callable[..., Any]]:
    # imports torch, for which neither a filter nor the message about a misspelt key should wait
    from topoeval.training.remedies import REMEDIES

    return REMEDIES
