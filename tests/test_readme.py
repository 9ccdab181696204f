"""What README shows, runs."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


def test_the_python_of_the_readme_runs():
    """The snippets, one after the other, in one session."""
    snippets = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(snippets) == 3
    session = {}
    for snippet in snippets:
        exec(snippet, session)
    assert session["logits"].grad.abs().sum() > 0
    assert session["bars"].n_images == 8


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)]+)\)", README.read_text()))
def test_the_links_of_the_readme_lead_somewhere(target):
    """Files and folders named in the text are there."""
    assert (README.parent / target).exists()
