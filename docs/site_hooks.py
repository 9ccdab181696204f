"""What mkdocs does for the site beyond the pages in this folder: reference, navigation, links.

A page of the reference is made from the ``__all__`` of each package, so a public name cannot lack
its entry. mkdocs calls the functions that begin with ``on_``.
"""

from __future__ import annotations

import ast
import html
import os
import re
import sys
from pathlib import Path
from typing import Any

import topoeval

DOCS = Path(__file__).parent
sys.path.append(str(DOCS))
from make_notebooks import text_of, tutorials  # noqa: E402  # a file beside this one

PACKAGE = Path(topoeval.__file__).parent

# Sections of the navigation; a page that none of them names stands under the last.
_SECTIONS = {
    "Score and compare files": ["evaluate", "metrics", "audit", "repair", "statistics"],
    "Train": ["losses", "which-loss", "nnunet", "training"],
    "Benchmark": ["suites", "run", "tuning", "datasets", "report", "results", "claims"],
    "Your own parts": [],
    "Use": ["command-line", "cite"],
    "How it is built": ["architecture", "backends"],
}
# A part of the navigation: before and after the reference to its label, and its visible title.
_SECTION = re.compile(
    r'(<nav class="md-nav"[^>]*) aria-labelledby="[^"]+"([^>]*>)'
    r"(\s*<label[^>]*>\s*<span[^>]*></span>)([^<]*)</label>"
)
# A link to a file of the repository that is no page of the site.
_OUTSIDE = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+[^)\s]*)\)")


def public_names() -> dict[str, list[str]]:
    """Return the public names of each package, in the order of its ``__all__``."""
    found = {"topoeval": list(topoeval.__all__)}
    for path in sorted(PACKAGE.glob("*/__init__.py")):
        names = _declared(path)
        if names:
            found[f"topoeval.{path.parent.name}"] = names
    return found


def _declared(path: Path) -> list[str]:
    """Return the literal ``__all__`` of a file; it is read and not imported, as some need torch."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def reference() -> dict[str, str]:
    """Return the Markdown of each page of the reference, by its path below the docs folder."""
    packages = public_names()
    pages = {}
    for package, names in packages.items():
        docstring = ast.get_docstring(ast.parse(_source(package).read_text(encoding="utf-8"))) or ""
        lines = [f"# {package}", "", docstring, ""]
        for name in names:
            if f"{package}.{name}" in packages:
                lines += [f"- [{package}.{name}]({name}.md)"]
            else:
                lines += ["", f"::: {package}.{name}"]
        pages[f"reference/{package.rpartition('.')[2]}.md"] = "\n".join(lines) + "\n"
    index = ["# Reference", "", "Every public name, from its docstring.", ""]
    for package, names in packages.items():
        page = f"{package.rpartition('.')[2]}.md"
        index.append(f"- [{package}]({page}): {', '.join(f'`{name}`' for name in names)}")
    pages["reference/index.md"] = "\n".join(index) + "\n"
    return pages


def _source(package: str) -> Path:
    return PACKAGE.parent / package.replace(".", "/") / "__init__.py"


def navigation() -> list[Any]:
    """Return the navigation: every page of the folder once, and the reference."""
    left = sorted(path.stem for path in DOCS.glob("*.md") if path.stem != "index")
    sections: dict[str, list[str]] = {}
    for title, names in _SECTIONS.items():
        prefix = "add-a-" if title == "Your own parts" else None
        chosen = [name for name in names if name in left]
        chosen += [name for name in left if prefix and name.startswith(prefix)]
        sections[title] = [f"{name}.md" for name in chosen]
        left = [name for name in left if name not in chosen]
    last = list(sections)[-1]
    sections[last] += [f"{name}.md" for name in left]
    decisions = sorted(path.name for path in (DOCS / "decisions").glob("0*.md"))
    sections[last].append({"Decisions": [f"decisions/{n}" for n in ("README.md", *decisions)]})  # type: ignore[arg-type]
    pages = sorted(path for path in reference() if not path.endswith("index.md"))
    return [
        "index.md",
        # a folder that the plug-in of the gallery fills from examples/gallery
        {"Tutorials": [f"tutorials/{page.name}" for page in tutorials()]},
        {"Gallery": "gallery"},
        *({title: pages_} for title, pages_ in sections.items()),
        {"Reference": ["reference/index.md", *pages]},
    ]


def without_outside_links(markdown: str, page: str) -> str:
    """Return a page whose links to files outside of the docs folder are their paths.

    >>> without_outside_links("see [the rules](../CONTRIBUTING.md)", "run.md")
    'see the rules (`CONTRIBUTING.md`)'
    """
    here = (DOCS / page).parent

    def spelled(link: re.Match[str]) -> str:
        target = (here / link[2].partition("#")[0]).resolve()
        if target.is_relative_to(DOCS):
            return link[0]
        return f"{link[1]} (`{target.relative_to(DOCS.parent).as_posix()}`)"

    return _OUTSIDE.sub(spelled, markdown)


def with_fenced_examples(lines: list[str]) -> list[str]:
    """Return Markdown in which the examples of docstrings are code, not quotations in quotations.

    >>> with_fenced_examples(["One.", "", ">>> 1 + 1", "2", "", "Two."])
    ['One.', '', '```pycon', '>>> 1 + 1', '2', '```', '', 'Two.']
    """
    found: list[str] = []
    fenced = example = False
    for line in [*lines, ""]:
        fenced ^= line.startswith("```")
        if example and not line.strip():
            found.append("```")
            example = False
        elif not fenced and not example and line.startswith(">>> "):
            found.append("```pycon")
            example = True
        found.append(line)
    return found[:-1]


def on_config(config: Any) -> Any:
    """Give mkdocs the navigation, and Markdown the examples of docstrings."""
    from markdown import Extension
    from markdown.preprocessors import Preprocessor

    class Examples(Preprocessor):
        def run(self, lines: list[str]) -> list[str]:
            return with_fenced_examples(lines)

    class FencedExamples(Extension):
        def extendMarkdown(self, md: Any) -> None:  # noqa: N802  # Markdown's name
            md.preprocessors.register(Examples(md), "examples", 27)  # before code is fenced, at 25

    config.markdown_extensions.append(FencedExamples())
    config.nav = navigation()
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages of the reference."""
    from mkdocs.structure.files import File

    for path, text in reference().items():
        files.append(File.generated(config, path, content=text))
    for page in tutorials():
        notebook = f"tutorials/{page.stem}.ipynb"
        files.append(File.generated(config, notebook, content=text_of(page)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Take out links that lead out of the site; the first page links to the leaderboard, if one is.

    ``TOPOEVAL_LEADERBOARD`` is where it will stand, from the first page; whoever publishes puts it
    there.
    """
    leaderboard = os.environ.get("TOPOEVAL_LEADERBOARD")
    if page.file.src_uri == "index.md" and leaderboard:
        markdown += f'\n<a href="{html.escape(leaderboard)}">Leaderboard of all suites</a>\n'
    if page.file.src_uri.startswith("tutorials/"):
        markdown += f"\nThis page [as a notebook]({Path(page.file.src_uri).stem}.ipynb).\n"
    return without_outside_links(markdown, page.file.src_uri)


def on_post_page(output: str, **_: Any) -> str:
    """Name what the theme leaves without a name for a screen reader."""
    return named(output)


def on_post_template(output: str, **_: Any) -> str:
    """Do the same for the page of an address that there is not."""
    return named(output)


def named(page: str) -> str:
    """Return a page whose search dialog and parts of the navigation have names.

    A section with a page of its own has two labels, and the theme refers to the empty one.

    >>> named('<nav class="md-nav" aria-labelledby="x"><label for="y"><span></span> A </label>')
    '<nav class="md-nav" aria-label="A"><label for="y"><span></span> A </label>'
    """
    page = page.replace(
        'class="md-search" data-md-component="search" role="dialog"',
        'class="md-search" data-md-component="search" role="dialog" aria-label="Search"',
    )
    # lists below a heading of the table of contents, which two headings of one name would share
    page = re.sub(
        r'<nav class="md-nav" aria-label="[^"]*">', '<nav class="md-nav" role="none">', page
    )
    return _SECTION.sub(
        lambda one: (
            f'{one[1]} aria-label="{html.escape(html.unescape(one[4].strip()))}"{one[2]}'
            f"{one[3]}{one[4]}</label>"
        ),
        page,
    )


def on_page_content(text: str, page: Any, **_: Any) -> str:
    """Show formulas of docstrings as they are written there, and pictures of the gallery.

    The plug-in of the gallery expects a folder per page; this site has a file, beside the pictures.
    """
    if page.file.src_uri.startswith("gallery/"):
        text = text.replace('srcset="../images/', 'srcset="images/')
    # a corner of a table that says nothing is no header
    text = re.sub(r"<th( [^>]*)?></th>", r"<td\1></td>", text)
    return text.replace(":math:<code>", '<code class="formula">')
