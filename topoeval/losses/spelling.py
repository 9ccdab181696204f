"""The call that builds an object, as one would type it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch


def spelled(built: object) -> str:
    """Return the constructor's call with every argument that does not have its default.

    The class keeps each argument in an attribute of its name, or of several one-to-one forms of it
    (a tuple for a list, a tensor of numbers for nested lists).

    Examples
    --------
    >>> from topoeval.losses import ClDiceLoss
    >>> print(ClDiceLoss(iterations=5, softmax=True))
    ClDiceLoss(iterations=5, softmax=True)
    """
    arguments = [
        f"{name}={_text(value)}"
        for name, default in _arguments(type(built))
        if not _same(value := getattr(built, name, default), default)
    ]
    return f"{type(built).__name__}({', '.join(arguments)})"


def _arguments(kind: type) -> Iterator[tuple[str, Any]]:
    """Yield the named arguments of a constructor with their defaults.

    Where it hands further ones on by ``**``, those of the next class in line follow.
    """
    seen = set()
    for cls in kind.__mro__:
        if "__init__" not in vars(cls) or cls.__module__.startswith("torch."):
            continue
        parameters = inspect.signature(vars(cls)["__init__"]).parameters.values()
        for parameter in parameters:
            named = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            if named and parameter.name != "self" and parameter.name not in seen:
                seen.add(parameter.name)
                yield parameter.name, parameter.default
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            return


def _same(value: Any, default: Any) -> bool:
    plain = _plain(value)
    return type(plain) is type(_plain(default)) and bool(plain == _plain(default))


def _plain(value: Any) -> Any:
    """Return a value in a form that compares and prints: numbers for tensors."""
    if isinstance(value, torch.Tensor):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return value


def _text(value: Any) -> str:
    return repr(_plain(value))


def argument_names(kind: type) -> list[str]:
    """Return the names of all arguments that a constructor takes by name."""
    return [name for name, _ in _arguments(kind)]
