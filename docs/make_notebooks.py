"""Make a notebook of each tutorial, and run it where that is asked for.

    python docs/make_notebooks.py [--run] [OUT]

The pages of ``docs/tutorials`` are the sources: their Python is the code of the notebooks, which
are not kept in git. The site offers them beside the pages; ``tox run -e notebooks`` runs them.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
_LINK = re.compile(r"\[([^\]]+)\]\([^)\s]*\.md[^)\s]*\)")


def tutorials() -> list[Path]:
    """Return the pages."""
    return sorted((DOCS / "tutorials").glob("*.md"))


def notebook(page: Path) -> Any:
    """Return a page as a notebook; links to other pages, which are not beside it, are their texts.

    Blocks of other languages stay text.
    """
    import jupytext

    text = _LINK.sub(r"\1", page.read_text(encoding="utf-8"))
    made = jupytext.reads(text, fmt="md")
    made.metadata["kernelspec"] = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    return made


def text_of(page: Path) -> str:
    """Return a page as the text of a notebook; the same page gives the same text."""
    import nbformat

    made = notebook(page)
    for number, cell in enumerate(made.cells):
        cell["id"] = f"cell-{number}"
    return str(nbformat.writes(made)) + "\n"


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--run", action="store_true", help="run each, and keep what it shows")
    parser.add_argument("out", nargs="?", type=Path, default=DOCS.parent / "build" / "notebooks")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for page in tutorials():
        target = asked.out / f"{page.stem}.ipynb"
        target.write_text(text_of(page), encoding="utf-8")
        if asked.run:
            _run(target)
        print(target)


def _run(path: Path) -> None:
    """Run a notebook, and keep what it shows; an error in a cell ends the program.

    It runs in a folder of its own: in this one Python would find the source of the package, which
    is not built, and the files that a tutorial writes would stay.
    """
    import nbformat
    from nbclient import NotebookClient

    made = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as place:
        client = NotebookClient(
            made, timeout=600, kernel_name="python3", resources={"metadata": {"path": place}}
        )
        client.execute()
    nbformat.write(made, path)
    shown = [
        output
        for cell in made.cells
        for output in cell.get("outputs", ())
        if "text/html" in output.get("data", {})
    ]
    if not shown:
        sys.exit(f"{path}: no cell shows a table")


if __name__ == "__main__":
    main()
