"""Names to plug-ins: what exists, what can run here, and why the rest cannot.

Each kind of plug-in (backend, loss, dataset) has one `Registry`. Built-in plug-ins are named
lazily, as ``"module:attribute"``; installed packages add theirs through an entry point of its
group, and neither is imported before it is asked for. A file or module that is named explicitly
(see `topoeval.plugins`) adds its own with `Registry.register`. A plug-in that fails to import is a
state with a reason, never a crash of everything else.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, overload

from topoeval.errors import UnavailableError, UserError, install_line, nearest

T = TypeVar("T")
P = TypeVar("P")

# what suites, filters and file names can hold without quotation; {k} is a dimension of homology
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*(\{k\})?[A-Za-z0-9_.-]*")


class State(StrEnum):
    """Whether a plug-in can be used in this environment."""

    AVAILABLE = "available"
    MISSING = "missing"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Status:
    """The state of one plug-in and, unless it is available, what to do about it."""

    name: str
    state: State
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the code of a plug-in from outside topoeval comes from.

    Parameters
    ----------
    kind
        ``"distribution"``: an installed package; ``"file"``: a file or module that no installed
        package owns; ``"session"``: an interactive session, whose code no other process can load.
    name
        The name of the distribution or of the file, without its folder.
    version
        The version of the distribution; empty for the other kinds.
    hash
        SHA-256 of the bytes of the file, in hexadecimal digits; of all its Python files for a
        folder that is a package; empty for the other kinds.
    """

    kind: Literal["distribution", "file", "session"]
    name: str
    version: str = ""
    hash: str = ""

    @property
    def fingerprint(self) -> str:
        """The code in one short text: equal for equal code, wherever a file lies.

        >>> Source("distribution", "my-losses", version="1.2").fingerprint
        'my-losses 1.2'
        >>> Source("file", "my_loss.py", hash="0123456789abcdef" * 4).fingerprint
        'sha256:0123456789abcdef'
        """
        if self.kind == "distribution":
            return f"{self.name} {self.version}"
        return f"sha256:{self.hash[:16]}" if self.hash else self.kind

    @classmethod
    def of_file(cls, path: Path) -> Source:
        """Return the source of a file by its content; of an ``__init__.py``, of its package."""
        if path.name != "__init__.py":
            return cls("file", path.name, hash=hashlib.sha256(path.read_bytes()).hexdigest())
        content = hashlib.sha256()
        for part in sorted(path.parent.rglob("*.py")):
            content.update(part.relative_to(path.parent).as_posix().encode())
            content.update(part.read_bytes())
        return cls("file", path.parent.name, hash=content.hexdigest())

    def __str__(self) -> str:
        return self.fingerprint if self.kind == "distribution" else self.name


@dataclass
class Registration:
    """The names that one source registers, noted while it is imported."""

    source: Source
    names: list[tuple[Registry[Any], str]] = field(default_factory=list)

    def undo(self) -> None:
        """Take the names out of their registries again."""
        for registry, name in self.names:
            registry.forget(name)
        self.names.clear()


_importing: ContextVar[Registration | None] = ContextVar("_importing", default=None)


@contextmanager
def registering(source: Source) -> Iterator[Registration]:
    """Attribute what is registered inside the block to `source`; undo it if the block fails."""
    registration = Registration(source)
    token = _importing.set(registration)
    try:
        yield registration
    except BaseException:
        registration.undo()
        raise
    finally:
        _importing.reset(token)


class Registry(Generic[T]):
    """The plug-ins of one kind.

    Parameters
    ----------
    kind
        The noun in messages, for example ``"backend"``.
    builtin
        Name to ``"module:attribute"``, or to the plug-in itself where it costs no import.
    group
        Entry-point group through which installed packages add plug-ins.
    requires
        Name to the import names that the plug-in needs beyond topoeval's own dependencies. The
        extra that installs them has the plug-in's name.
    install
        Name to the line that installs what it needs, where that is not the extra of its name.
    validate
        Called with a loaded plug-in; raises `TypeError` when it is not one.

    Examples
    --------
    >>> numbers = Registry("number", {"pi": "math:pi"}, group="topoeval.numbers")
    >>> round(numbers.load("pi"), 2)
    3.14
    >>> numbers.load("pii")
    Traceback (most recent call last):
    ...
    topoeval.errors.UserError: unknown number 'pii'; did you mean 'pi'?
    >>> numbers.register("two", 2)
    2
    >>> numbers.load("two")
    2
    """

    def __init__(
        self,
        kind: str,
        builtin: Mapping[str, str | T],
        *,
        group: str,
        requires: Mapping[str, Sequence[str]] | None = None,
        install: Mapping[str, str] | None = None,
        validate: Callable[[object], None] | None = None,
    ) -> None:
        self.kind = kind
        self.group = group
        self._builtin = dict(builtin)
        self._lazy = {name: one for name, one in self._builtin.items() if isinstance(one, str)}
        self._ready = {n: one for n, one in self._builtin.items() if not isinstance(one, str)}
        self._requires = dict(requires or {})
        self._install = dict(install or {})
        self._validate = validate
        self._registered: dict[str, tuple[T, Source]] = {}

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        # A built-in name wins: an installed package must not change what a recorded spec means.
        found = {
            point.name: point
            for point in entry_points(group=self.group)
            if point.name not in self._builtin
        }
        for name, target in self._lazy.items():
            found[name] = EntryPoint(name=name, value=target, group=self.group)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._ready, *self._plugins, *self._registered}))

    def __contains__(self, name: object) -> bool:
        return name in self._ready or name in self._plugins or name in self._registered

    @overload
    def register(self, name: str, plugin: P, *, source: Source | None = ...) -> P: ...
    @overload
    def register(self, name: str, *, source: Source | None = ...) -> Callable[[P], P]: ...
    def register(self, name: str, plugin: Any = None, *, source: Source | None = None) -> Any:
        """Add a plug-in under `name`; without `plugin`, return a decorator that does.

        Parameters
        ----------
        name
            Letters, digits, ``_``, ``-`` and ``.``, and no name that is taken.
        plugin
            What the registry holds: a class, a function or a value, as its kind asks for.
        source
            Where its code comes from. By default that of the plug-in file or module that is being
            loaded; outside of one, that of the module that defines `plugin`.

        Raises
        ------
        UserError
            The name is malformed or taken; or `plugin` is not of the registry's kind.
        """
        if plugin is None:
            return lambda given: self.register(name, given, source=source)
        importing = _importing.get()
        source = source or (importing.source if importing else _defined_in(plugin))
        if not _NAME.fullmatch(name):
            raise UserError(
                f"{self.kind} {name!r} of {source}: a name has letters, digits, '_', '-' and '.', "
                "and begins with a letter"
            )
        if name in self:
            raise UserError(
                f"{self.kind} {name!r} of {source}: the name is taken by {self._owner(name)} and "
                "cannot be replaced; choose another one"
            )
        if self._validate is not None:
            try:
                self._validate(plugin)
            except TypeError as error:
                raise UserError(f"{self.kind} {name!r} of {source}: {error}") from error
        self._registered[name] = (plugin, source)
        if importing:
            importing.names.append((self, name))
        return plugin

    def forget(self, name: str) -> None:
        """Take a registered name out again; built-in and installed ones stay."""
        self._registered.pop(name, None)

    def source(self, name: str) -> Source | None:
        """Return where the code of a plug-in comes from; None for one of topoeval's own.

        Raises
        ------
        UserError
            `name` is unknown.
        """
        self._check_known(name)
        if name in self._registered:
            return self._registered[name][1]
        if name in self._builtin:
            return None
        point = self._plugins[name]
        if point.dist is None:
            return Source("session", point.module)
        return Source("distribution", point.dist.name, version=point.dist.version)

    def status(self, name: str) -> Status:
        """Return whether `name` can be used here, found out without importing its libraries."""
        self._check_known(name)
        missing = [
            module
            for module in self._requires.get(name, ())
            if importlib.util.find_spec(module) is None
        ]
        if missing:
            line = self._install.get(name, f'pip install "topoeval[{name}]"')
            return Status(name, State.MISSING, line)
        try:
            self._load(name)
        except (Exception, SystemExit) as error:  # whatever an import does is the plug-in's state
            if isinstance(error, ModuleNotFoundError) and (line := install_line(error.name)):
                return Status(name, State.MISSING, line)
            return Status(name, State.BROKEN, f"{type(error).__name__}: {error}")
        return Status(name, State.AVAILABLE)

    def available(self) -> list[str]:
        """Return the names that can be used here."""
        return [name for name in self if self.status(name).state is State.AVAILABLE]

    def load(self, name: str) -> T:
        """Return the plug-in called `name`.

        Raises
        ------
        UserError
            `name` is unknown; the message offers the nearest known name.
        UnavailableError
            It is known but cannot be used here; the message says what to install or what broke.
        """
        status = self.status(name)
        if status.state is State.MISSING:
            raise UnavailableError(f"{self.kind} {name!r} is not installed; {status.reason}")
        if status.state is State.BROKEN:
            raise UnavailableError(f"{self.kind} {name!r} is broken: {status.reason}")
        return self._load(name)

    def _load(self, name: str) -> T:
        if name in self._ready:
            return self._ready[name]
        if name in self._registered:
            return self._registered[name][0]
        plugin = self._plugins[name].load()
        if self._validate is not None:
            self._validate(plugin)
        return plugin

    def _owner(self, name: str) -> str:
        source = self.source(name)
        return "topoeval itself" if source is None else str(source)

    def _check_known(self, name: str) -> None:
        if name not in self:
            raise UserError(f"unknown {self.kind} {name!r}{nearest(name, self)}")


def _defined_in(plugin: object) -> Source:
    """Return the source of what was registered outside of a plug-in that is being loaded."""
    module = inspect.getmodule(plugin)
    path = getattr(module, "__file__", None)
    if path is None or not Path(path).is_file():
        return Source("session", "this session")
    return Source.of_file(Path(path))
