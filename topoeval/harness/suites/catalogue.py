"""Where baselines and suites are found, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from topoeval import plugins
from topoeval.errors import UserError, nearest
from topoeval.harness.suites.method_file import MethodFile
from topoeval.harness.suites.suite import Suite
from topoeval.harness.suites.toml import parse, read_toml

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


def load_method(name: str, override: dict[str, Any] | None = None) -> MethodFile:
    """Return the method called `name`, with values replaced by `override`."""
    if name not in method_names():
        raise UserError(f"unknown method {name!r}{nearest(name, method_names())}")
    path = baselines_folder() / name / "method.toml"
    method = read_toml(path, MethodFile)
    if method.name != name:
        raise UserError(f"{path}: name is {method.name!r}, but the folder is called {name!r}")
    if override:
        merged = _merge({**method.model_dump(), "search": method.search}, override)
        method = parse(merged, MethodFile, f"override of method {name!r}")
    return method


def load_suite(name_or_path: str) -> Suite:
    """Return a suite by its name or by the path of its TOML file, and load its plug-ins.

    Raises
    ------
    UserError
        There is no such suite, it is malformed, or one of its plug-ins cannot be loaded.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        if name_or_path not in suite_names():
            raise UserError(f"unknown suite {name_or_path!r}{nearest(name_or_path, suite_names())}")
        path = suites_folder() / f"{name_or_path}.toml"
    suite = read_toml(path, Suite)
    for text in suite.plugins:
        plugins.load(text, path.parent)
    return suite


def _merge(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in override.items():
        old = merged.get(key)
        merged[key] = (
            _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return merged
