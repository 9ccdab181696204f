"""Reading TOML files as models: one line says what is wrong with a file, and where."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from topoeval.errors import UserError, nearest
from topoeval.records.canonical import Frozen

M = TypeVar("M", bound=Frozen)

# where pydantic says that the key of a table is wrong, and not its value
_KEY = "[key]"


def read_toml(path: Path, kind: type[M]) -> M:
    """Read a TOML file as a `kind`.

    Raises
    ------
    UserError
        No such file, not TOML, an unknown key (with the nearest known one) or a wrong value.
    """
    return parse(load_toml(path), kind, str(path))


def load_toml(path: Path) -> dict[str, Any]:
    """Return what a TOML file holds.

    Raises
    ------
    UserError
        No such file, or not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid TOML: {error}") from error


def parse(data: dict[str, Any], kind: type[M], where: str) -> M:
    """Validate `data` as a `kind`; the first problem becomes a `UserError` of one line."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        # a misspelt key is also a missing one; its spelling is the better message
        first = min(error.errors(), key=lambda problem: not _is_misspelt(problem))
        location = tuple(part for part in first["loc"] if part != _KEY)
        path = ".".join(str(part) for part in location)
        if _is_misspelt(first):
            if first["type"] == "extra_forbidden":
                known = _known_keys(kind, location[:-1])
            else:
                known = re.findall(r"'([^']*)'", first["ctx"]["expected"])
            hint = nearest(str(location[-1]), known)
            raise UserError(f"{where}: unknown key {path!r}{hint}") from None
        message = first["msg"].removeprefix("Value error, ")
        at = f"{path}: " if path else ""
        raise UserError(f"{where}: {at}{message} (got {_shown(first['input'])})") from None


def _is_misspelt(problem: ErrorDetails) -> bool:
    """Whether a problem is a key that does not exist, of a model or of a table with fixed keys."""
    return problem["type"] == "extra_forbidden" or (
        problem["type"] == "literal_error" and problem["loc"][-1] == _KEY
    )


def _known_keys(kind: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Return the keys allowed at `location` of a `kind`."""
    model: Any = kind
    keyed = False
    for part in location:
        if isinstance(part, int) or keyed:
            keyed = False
            continue
        field = next((f for name, f in model.model_fields.items() if part in (name, f.alias)), None)
        candidates = [] if field is None else [field.annotation, *_arguments(field.annotation)]
        model = next((c for c in candidates if _is_model(c)), None)
        if model is None:
            return []
        keyed = field is not None and get_origin(field.annotation) is dict
    return [field.alias or name for name, field in model.model_fields.items()]


def _arguments(annotation: Any) -> list[Any]:
    inner = list(getattr(annotation, "__args__", ()))
    return inner + [deeper for argument in inner for deeper in _arguments(argument)]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
