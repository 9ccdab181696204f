"""The catalogue finds methods and suites by name or path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from topoeval import plugins
from topoeval.errors import UserError, nearest
from topoeval.harness.suites.method_file import MethodFile
from topoeval.harness.suites.suite import Subset, Suite
from topoeval.harness.suites.toml import parse, read_toml

P = TypeVar("P", bound=Subset)

_PACKAGE = Path(__file__).resolve().parents[2]


def share(kind: str, in_checkout: str) -> Path:
    """Return a folder that a checkout has beside the sources and a wheel inside the package."""
    installed = _PACKAGE / "_share" / kind
    return installed if installed.is_dir() else _PACKAGE.parent / in_checkout


def baselines_folder() -> Path:
    """Return the folder with one folder per method."""
    return share("baselines", "baselines")


def suites_folder() -> Path:
    """Return the folder with one TOML file per suite."""
    return share("suites", "bench/suites")


def results_folder() -> Path:
    """Return the folder of the committed results; a wheel has none."""
    return share("results", "results")


def method_names() -> list[str]:
    """Return the names of all methods."""
    return sorted(path.parent.name for path in baselines_folder().glob("*/method.toml"))


def suite_names() -> list[str]:
    """Return the names of all suites."""
    return sorted(path.stem for path in suites_folder().glob("*.toml"))


def load_method(
    name: str,
    override: dict[str, Any] | None = None,
    folders: Mapping[str, Path] | None = None,
) -> MethodFile:
    """Return the method called `name`, with values replaced by `override`.

    Parameters
    ----------
    folders
        Folders of methods outside the catalogue by their names, as `Suite.folders` has them.

    Raises
    ------
    UserError
        There is no such method, its ``method.toml`` is malformed, or its ``module.py`` is broken.
    """
    names = {*method_names(), *(folders or ())}
    if name not in names:
        raise UserError(f"unknown method {name!r}{nearest(name, names)}")
    method = read_method((folders or {}).get(name, baselines_folder() / name))
    if override:
        merged = _merge({**method.model_dump(), "search": method.search}, override)
        method = parse(merged, MethodFile, f"override of method {name!r}")
    return method


def read_method(folder: Path) -> MethodFile:
    """Return the method of a folder, and load its ``module.py`` where there is one.

    Raises
    ------
    UserError
        Its ``method.toml`` is missing or malformed, has another name than the folder, or the name
        of one of topoeval's own methods; or its ``module.py`` is broken.
    """
    path = folder / "method.toml"
    method = read_toml(path, MethodFile)
    if method.name != folder.name:
        raise UserError(
            f"{path}: name is {method.name!r}, but the folder is called {folder.name!r}"
        )
    if folder.parent != baselines_folder() and method.name in method_names():
        raise UserError(f"{path}: method {method.name!r} is one of topoeval's own; rename yours")
    if (folder / "module.py").exists():
        plugins.load("./module.py", folder)
    return method


def is_path(name: str) -> bool:
    """Whether what stands for a method, as ``./mine[weight=0.1]``, is the path of a folder."""
    head = name.partition("[")[0]
    return "/" in head or head.startswith((".", "~"))


def load_suite(name_or_path: str) -> Suite:
    """Return a suite by its name or by the path of its TOML file, and load its plug-ins.

    Methods that it names by paths, relative to the file, then have the names of their folders.

    Raises
    ------
    UserError
        There is no such suite, it is malformed, or one of its plug-ins or method folders is.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        if name_or_path not in suite_names():
            raise UserError(f"unknown suite {name_or_path!r}{nearest(name_or_path, suite_names())}")
        path = suites_folder() / f"{name_or_path}.toml"
    suite = read_toml(path, Suite)
    for text in suite.plugins:
        plugins.load(text, path.parent)
    return _with_folders(suite, path.parent)


def _with_folders(suite: Suite, base: Path) -> Suite:
    """Return `suite` with names in the place of the paths of method folders."""
    folders: dict[str, Path] = {}

    def name(text: str) -> str:
        if not is_path(text):
            return text
        head, bracket, params = text.partition("[")
        folder = base.joinpath(Path(head.strip()).expanduser()).resolve()
        method = read_method(folder).name
        if folders.setdefault(method, folder) != folder:
            raise UserError(
                f"suite {suite.name!r}: two folders hold a method {method!r}: {folders[method]} "
                f"and {folder}"
            )
        return f"{method}{bracket}{params}"

    def named(part: P) -> P:
        return part.model_copy(update={"method": tuple(map(name, part.method))})

    update: dict[str, Any] = {
        "methods": tuple(map(name, suite.methods)),
        "include": tuple(map(named, suite.include)),
        "exclude": tuple(map(named, suite.exclude)),
    }
    # one that nobody wrote stays so, for messages to tell
    if "reference" in suite.model_fields_set:
        update["reference"] = name(suite.reference)
    suite = suite.model_copy(update=update)
    suite.folders.update(folders)
    return suite


def _merge(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in override.items():
        old = merged.get(key)
        merged[key] = (
            _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return merged
