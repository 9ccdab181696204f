"""The documentation as a site: every public name has its entry, every page its place."""

import doctest
import importlib
import importlib.util
import json
import os
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def hooks():
    """The module that mkdocs calls."""
    spec = importlib.util.spec_from_file_location("site_hooks", DOCS / "site_hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def packages():
    """The packages that have an ``__init__.py``, by their dotted names."""
    folder = ROOT / "topoeval"
    return ["topoeval", *(f"topoeval.{path.parent.name}" for path in folder.glob("*/__init__.py"))]


def test_every_public_name_has_an_entry(hooks):
    """Of each package that declares ``__all__``, as it is when it is imported."""
    pages = "\n".join(hooks.reference().values())
    entries = set(re.findall(r"^::: (\S+)$", pages, re.MULTILINE))
    compared = 0
    for package in packages():
        try:
            names = getattr(importlib.import_module(package), "__all__", ())
        except ImportError:  # torch or nnU-Net is not installed: what the file declares
            names = hooks.public_names()[package]
        for name in names:
            page = f"reference/{name}.md"
            assert f"{package}.{name}" in entries or page in hooks.reference(), f"{package}.{name}"
            compared += 1
    assert compared > 150


def test_every_page_is_in_the_navigation_once(hooks):
    """Whoever adds a page need not add it to a list."""

    def leaves(entries):
        for entry in entries:
            if isinstance(entry, str):
                yield entry
            else:
                for below in entry.values():
                    yield from leaves([below] if isinstance(below, str) else below)

    found = sorted(leaves(hooks.navigation()))
    written = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")]
    # the gallery's pages are made from its examples, and found by its plug-in
    written = [path for path in written if not path.startswith("gallery/")]
    assert found == sorted([*written, *hooks.reference(), "gallery"])


def test_a_tutorial_is_a_notebook():
    """Its Python is the code of the cells, in order; its text has no link that leads nowhere."""
    pytest.importorskip("jupytext", reason="tox run -e docs-site has it")
    made = runpy.run_path(str(DOCS / "make_notebooks.py"))
    assert len(made["tutorials"]()) == 3
    for page in made["tutorials"]():
        cells = json.loads(made["text_of"](page))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
        assert code == [block.rstrip("\n") for block in blocks]
        text = "".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
        assert ".md" not in text


def test_links_and_examples_of_the_hook(hooks):
    """Its docstrings run."""
    results = doctest.testmod(hooks)
    assert results.attempted >= 2
    assert results.failed == 0


EXAMPLES = sorted((ROOT / "examples" / "gallery").glob("plot_*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_of_the_gallery_runs_and_draws(example):
    """As it stands, with a picture at its end."""
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    plt.close("all")
    try:
        runpy.run_path(str(example))
        (figure,) = map(plt.figure, plt.get_fignums())
        assert figure.axes
        assert all(ax.has_data() for ax in figure.axes)
    finally:
        plt.close("all")


def test_the_built_site_has_every_picture_of_the_gallery():
    """Of each page the picture that it names."""
    folder = os.environ.get("TOPOEVAL_DOCS_SITE")
    if folder is None:
        pytest.skip("no built site: tox run -e docs-site")
    for example in EXAMPLES:
        page = Path(folder, "gallery", f"{example.stem}.html")
        text = page.read_text(encoding="utf-8")
        named = {part.split()[0] for part in re.findall(r'srcset="([^"]+)"', text)}
        named |= set(re.findall(r'<img[^>]* src="([^"]+)"', text))
        assert named, example.stem
        assert all((page.parent / name).is_file() for name in named), example.stem


def test_the_built_site_has_an_anchor_for_each_name(hooks):
    """As `tox run -e docs-site` has built it."""
    folder = os.environ.get("TOPOEVAL_DOCS_SITE")
    if folder is None:
        pytest.skip("no built site: tox run -e docs-site")
    for package, names in hooks.public_names().items():
        page = Path(folder, "reference", f"{package.rpartition('.')[2]}.html").read_text()
        for name in names:
            if f"{package}.{name}" not in hooks.public_names():
                assert f'id="{package}.{name}"' in page, f"{package}.{name}"
