"""Plug-ins that are named explicitly: files and modules that register what they bring.

A plug-in is one file. It names each thing once, where the thing is defined::

    from topoeval.losses import LOSSES, TargetLoss

    @LOSSES.register("my_loss")
    class MyLoss(TargetLoss): ...

``topoeval run SUITE --plugin my_loss.py``, or ``plugins = ["./my_loss.py"]`` in a suite, imports
it. Nothing is imported because it lies somewhere: a plug-in is code, and is executed only when it
is named. Processes that execute runs load the same plug-ins before their run.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import os
import sys
import traceback
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from types import ModuleType

from topoeval.errors import UnavailableError, UserError
from topoeval.registry import Registration, Source, registering

_VARIABLE = "TOPOEVAL_PLUGINS"


@dataclass(frozen=True)
class Plugin:
    """A plug-in that has been imported.

    Parameters
    ----------
    place
        The absolute path of its file, or the name of its module.
    registration
        Where its code comes from, and what it has registered.
    """

    place: str
    registration: Registration

    @property
    def source(self) -> Source:
        """Where its code comes from, with its fingerprint."""
        return self.registration.source

    @property
    def names(self) -> list[str]:
        """What it has registered, as ``loss my_loss``."""
        return [f"{registry.kind} {name}" for registry, name in self.registration.names]


_loaded: dict[str, Plugin] = {}


def load(text: str, folder: Path | None = None) -> Plugin:
    """Import a plug-in and return what it registered.

    A plug-in that is loaded already is not imported again, unless its file has changed: then what
    it registered before is forgotten.

    Parameters
    ----------
    text
        The path of a Python file, or the name of a module that can be imported.
    folder
        What a relative path begins at; the current folder if None.

    Raises
    ------
    UnavailableError
        It cannot be found, ends in an error, or registers nothing.
    """
    is_file = text.endswith(".py") or "/" in text or os.sep in text
    place = str((folder or Path()).joinpath(Path(text).expanduser()).resolve()) if is_file else text
    try:
        source = _of_file(Path(place)) if is_file else _of_module(text)
        before = _loaded.get(place)
        if before is not None:
            if before.source == source:
                return before
            forget(place)
        imported_before = text in sys.modules
        with registering(source) as registration:
            if is_file:
                _execute(Path(place), source)
            else:
                importlib.import_module(text)
            if not registration.names and not imported_before:
                raise UserError(
                    'it registers nothing; write for example @LOSSES.register("my_loss") '
                    "above the class"
                )
    except (Exception, SystemExit) as error:
        raise UnavailableError(f"plug-in {text} is broken: {_told(error, place)}") from error
    _loaded[place] = plugin = Plugin(place, registration)
    _tell_workers()
    return plugin


def loaded() -> list[Plugin]:
    """Return the plug-ins that are loaded, in the order in which they were."""
    return list(_loaded.values())


def forget(place: str) -> None:
    """Take what a plug-in registered out of the registries again; `place` as in `Plugin`."""
    _loaded.pop(place).registration.undo()
    sys.modules.pop(_module_name(Path(place)), None)
    _tell_workers()


def load_in_worker() -> None:
    """Load what the process that wants a run has loaded.

    Raises
    ------
    UnavailableError
        As `load`; for example because a file is not on this machine.
    """
    for place in json.loads(os.environ.get(_VARIABLE, "[]")):
        load(place)


def _tell_workers() -> None:
    # inherited by every process that executes a run, on this machine and on others
    if _loaded:
        os.environ[_VARIABLE] = json.dumps(list(_loaded))
    else:
        os.environ.pop(_VARIABLE, None)


def _module_name(path: Path) -> str:
    # two plug-ins may have files of one name
    return f"topoeval_plugin_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"


def _of_file(path: Path) -> Source:
    if path.is_dir():
        raise UserError("it is a folder; name a Python file in it")
    if not path.exists():
        raise UserError("there is no such file")
    return Source.of_file(path)


def _of_module(name: str) -> Source:
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise UserError("no module of this name can be imported; a file needs its ending .py")
    for distribution in packages_distributions().get(name.partition(".")[0], ()):
        try:
            return Source("distribution", distribution, version=version(distribution))
        except PackageNotFoundError:
            continue
    return Source.of_file(Path(found.origin))


def _execute(path: Path, source: Source) -> None:
    """Execute the file's present bytes as a module."""
    name = _module_name(path)
    module = ModuleType(name)
    module.__file__ = str(path)
    # by the bytes and not by the import system, whose cache takes a file that was changed within
    # a second and kept its size for the old one
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != source.hash:
        raise UserError("it changed while it was read")
    sys.modules[name] = module
    try:
        exec(compile(content, str(path), "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise


def _told(error: BaseException, place: str) -> str:
    """Return an error in one line, with the line of the plug-in where it came from."""
    if isinstance(error, UserError) and not isinstance(error, UnavailableError):
        return str(error)
    lines = [
        one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == place
    ]
    at = f" (line {lines[-1]})" if lines else ""
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}{at}" if said else f"{type(error).__name__}{at}"
