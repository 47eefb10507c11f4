"""Nothing is filled: the model splits on what is missing itself."""

from __future__ import annotations

from primum.learn.impute.filler import Filler, Floats, Texts


class NativeFiller(Filler):
    """Leave gaps as they are, for trees that send them left or right at each split (missing incorporated in attribute).

    Sources: Twala, Jones & Hand (2008), Pattern Recognit Lett 29:950-956; Jeong, Wang & Calmon (2022), AAAI,
    arXiv 2109.10431. Not valid for models that cannot take a gap.
    """

    def _learn(self, x: Floats, group: Texts | None) -> None:
        pass

    def _filled(self, x: Floats, group: Texts | None) -> Floats:  # noqa: ARG002 - the others need it
        return x
