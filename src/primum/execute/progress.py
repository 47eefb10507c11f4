"""How far the work is: the calls that an audit makes while it runs, and the listener that hears nothing."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Progress(Protocol):
    """What an audit tells while it runs; every call returns at once and raises nothing."""

    def start(self, chapters: list[str]) -> None:
        """Hear, once and first, which chapters will be computed, in order."""

    def chapter(self, name: str) -> None:
        """Hear that a chapter begins."""

    def step(self, done: int, total: int, text: str) -> None:
        """Hear that `done` of `total` steps of the present chapter are finished, and what comes next."""

    def done(self, name: str) -> None:
        """Hear that a chapter is finished (or was found finished from an earlier run)."""


class Silent:
    """Progress that nobody watches."""

    def start(self, chapters: list[str]) -> None:
        """Do nothing."""

    def chapter(self, name: str) -> None:
        """Do nothing."""

    def step(self, done: int, total: int, text: str) -> None:
        """Do nothing."""

    def done(self, name: str) -> None:
        """Do nothing."""
