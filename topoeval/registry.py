"""Names to plugins: what exists, what can run here, and why the rest cannot.

Each kind of plugin (backend, loss, dataset) has one `Registry`. Built-in plugins are named lazily,
as ``"module:attribute"``; third parties add theirs through an entry point of its group, and
neither is imported before it is asked for. A plugin that fails to import is a state with a reason,
never a crash of everything else.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from topoeval.errors import UnavailableError, UserError, nearest

T = TypeVar("T")


class State(StrEnum):
    """Whether a plugin can be used in this environment."""

    AVAILABLE = "available"
    MISSING = "missing"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Status:
    """The state of one plugin and, unless it is available, what to do about it."""

    name: str
    state: State
    reason: str = ""


class Registry(Generic[T]):
    """The plugins of one kind.

    Parameters
    ----------
    kind
        The noun in messages, for example ``"backend"``.
    builtin
        Name to ``"module:attribute"``.
    group
        Entry-point group through which third parties add plugins.
    requires
        Name to the import names that the plugin needs beyond topoeval's own dependencies. The extra
        that installs them has the plugin's name.
    install
        Name to the line that installs what it needs, where that is not the extra of its name.
    validate
        Called with a loaded plugin; raises `TypeError` when it is not one.

    Examples
    --------
    >>> numbers = Registry("number", {"pi": "math:pi"}, group="topoeval.numbers")
    >>> round(numbers.load("pi"), 2)
    3.14
    >>> numbers.load("pii")
    Traceback (most recent call last):
    ...
    topoeval.errors.UserError: unknown number 'pii'; did you mean 'pi'?
    """

    def __init__(
        self,
        kind: str,
        builtin: Mapping[str, str],
        *,
        group: str,
        requires: Mapping[str, Sequence[str]] | None = None,
        install: Mapping[str, str] | None = None,
        validate: Callable[[object], None] | None = None,
    ) -> None:
        self.kind = kind
        self.group = group
        self._builtin = dict(builtin)
        self._requires = dict(requires or {})
        self._install = dict(install or {})
        self._validate = validate
        self._registered: dict[str, tuple[T, str]] = {}

    def register(self, name: str, plugin: T, source: str) -> None:
        """Add a plugin that is loaded already.

        Parameters
        ----------
        name
            Its name, which no other plugin has.
        plugin
            The plugin itself.
        source
            Where it comes from, for messages.

        Raises
        ------
        UserError
            If the name is taken; the message says by whom.
        """
        if self._validate is not None:
            self._validate(plugin)
        if name in self:
            owner = self._registered[name][1] if name in self._registered else "another plugin"
            raise UserError(f"{source}: the {self.kind} {name!r} is there already, from {owner}")
        self._registered[name] = (plugin, source)

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        # A built-in name wins: an installed package must not change what a recorded spec means.
        found = {point.name: point for point in entry_points(group=self.group)}
        for name, target in self._builtin.items():
            found[name] = EntryPoint(name=name, value=target, group=self.group)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._plugins, *self._registered}))

    def __contains__(self, name: object) -> bool:
        return name in self._plugins or name in self._registered

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
        except Exception as error:  # whatever a third party's import does is its state, not ours
            return Status(name, State.BROKEN, f"{type(error).__name__}: {error}")
        return Status(name, State.AVAILABLE)

    def available(self) -> list[str]:
        """Return the names that can be used here."""
        return [name for name in self if self.status(name).state is State.AVAILABLE]

    def load(self, name: str) -> T:
        """Return the plugin called `name`.

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
        if name in self._registered:
            return self._registered[name][0]
        plugin = self._plugins[name].load()
        if self._validate is not None:
            self._validate(plugin)
        return plugin

    def _check_known(self, name: str) -> None:
        if name not in self:
            raise UserError(f"unknown {self.kind} {name!r}{nearest(name, self)}")
