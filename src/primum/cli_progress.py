"""Progress on a terminal: a bar a chapter with the time left; plain lines where there is no terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console
    from rich.progress import TaskID

EVERY = 5.0
"""Seconds between two plain lines of one chapter."""


def words(seconds: float) -> str:
    """Return a span of time as people say it.

    >>> words(4.2), words(75), words(4000)
    ('4 s', '1 min 15 s', '1 h 7 min')
    """
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {round(whole % 3600 / 60)} min"


class Bars:
    """Progress drawn with rich; leaves one line a finished chapter."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

        self.console = console
        self.bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[place]:>5}  {task.description:<12}"),
            BarColumn(bar_width=24),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("[dim]{task.fields[text]}", markup=True),
            console=console,
        )
        self.chapters: list[str] = []
        self.task: TaskID | None = None

    def __enter__(self) -> Self:
        """Begin to draw."""
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop drawing, whatever happened."""
        self.bars.stop()

    def start(self, chapters: list[str]) -> None:
        """Hear which chapters there are."""
        self.chapters = list(chapters)

    def chapter(self, name: str) -> None:
        """Draw a new bar."""
        total = len(self.chapters)
        place = f"{self.chapters.index(name) + 1}/{total}" if name in self.chapters else ""
        self.task = self.bars.add_task(name, total=None, place=place, text="")

    def step(self, done: int, total: int, text: str) -> None:
        """Move the bar."""
        from rich.markup import escape

        if self.task is not None:
            self.bars.update(self.task, completed=done, total=max(total, 1), text=escape(text))

    def done(self, name: str) -> None:
        """Fill the bar."""
        if self.task is None:
            self.chapter(name)
        if self.task is not None:
            self.bars.update(self.task, total=1, completed=1, text="")
        self.task = None


class Lines:
    """Progress as plain lines for logs: when a chapter begins and ends, and every few seconds between."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.chapters: list[str] = []
        self.began = self.told = 0.0
        self.name = ""

    def __enter__(self) -> Self:
        """Do nothing; the counterpart of `Bars`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing; the counterpart of `Bars`."""

    def _say(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def start(self, chapters: list[str]) -> None:
        """Say which chapters there are."""
        self.chapters = list(chapters)
        self._say(f"chapters: {', '.join(chapters)}")

    def chapter(self, name: str) -> None:
        """Say that a chapter begins."""
        self.name, self.began = name, time.monotonic()
        self.told = self.began
        place = f" ({self.chapters.index(name) + 1} of {len(self.chapters)})" if name in self.chapters else ""
        self._say(f"{name}{place} …")

    def step(self, done: int, total: int, text: str) -> None:
        """Say how far the chapter is and how long it may still take; every few seconds at most."""
        now = time.monotonic()
        if now - self.told < EVERY:
            return
        self.told = now
        left = f", about {words((now - self.began) / done * (total - done))} left" if done else ""
        self._say(f"{self.name}: {done} of {total}{left}: {text}")

    def done(self, name: str) -> None:
        """Say that a chapter is finished."""
        spent = f" in {words(time.monotonic() - self.began)}" if name == self.name else " already"
        self._say(f"{name}: finished{spent}")


def progress(console: Console) -> Bars | Lines:
    """Return bars for a terminal, plain lines for anything else; both are context managers."""
    return Bars(console) if console.is_terminal else Lines(console)
