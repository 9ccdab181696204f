"""What notebooks show: small tables of HTML, in which every text is escaped, and progress bars."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """Return a table of HTML; nothing in its texts is markup.

    >>> table(["a"], [["<b>"]])
    '<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>&lt;b&gt;</td></tr></tbody></table>'
    """
    above = f'<caption style="text-align:left">{escape(caption)}</caption>' if caption else ""
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(v))}</td>' for v in row)}</tr>" for row in rows)
    return f"<table>{above}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def progress() -> Callable[[str, int, int], None]:
    """Return a listener of `topoeval.evaluate.evaluate` that draws a bar per stage.

    In a notebook with ipywidgets it is a widget, elsewhere a line of text.

    >>> listener = progress()
    >>> for case in range(1, 4):
    ...     listener("cases", case, 3)
    """
    from tqdm.auto import tqdm

    bars: dict[str, tqdm] = {}

    def listen(stage: str, done: int, total: int) -> None:
        if stage not in bars:
            bars[stage] = tqdm(total=total, desc=stage)
        bars[stage].update(done - bars[stage].n)
        if done == total:
            bars[stage].close()

    return listen


def framed(page: str, height: int = 760) -> str:
    """Return a whole page inside a frame, so that its styles and scripts are its own.

    >>> framed("<p>&</p>", 100)[:45]
    '<iframe srcdoc="&lt;p&gt;&amp;&lt;/p&gt;" tit'
    """
    style = f"width:100%;height:{height}px;border:0"
    return f'<iframe srcdoc="{escape(page)}" title="topoeval" style="{style}"></iframe>'
