"""How wide the columns of a table are: by what stands in them."""

from __future__ import annotations

from primum.report.grid import Grid, Line

LONG = 40


def shares(grid: Grid, *, room: float = 1.0) -> list[float]:
    """Return the share of the width of each column, together `room`: its longest word fits, long texts are wrapped."""
    wanted = []
    for i, head in enumerate(grid.columns):
        texts = [head, *(cell(line, i) for line in grid.lines if not line.section)]
        longest = max((len(word) for t in texts for word in t.split()), default=1)
        usual = sorted(map(len, texts))[int(0.9 * (len(texts) - 1))]
        wanted.append(max(longest, min(usual, LONG) ** 0.8, 4))
    return [room * w / sum(wanted) for w in wanted]


def cell(line: Line, i: int) -> str:
    """Return the text of a line in column `i`; the head of the line is the first."""
    if i == 0:
        return line.head
    return line.cells[i - 1].text if i - 1 < len(line.cells) else ""
