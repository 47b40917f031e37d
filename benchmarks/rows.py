"""One line per budget of DESIGN 11: figure, budget, PASS or MISS, and the floor or peer of the same run."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured figure beside its budget."""

    what: str
    figure: str
    budget: str
    passed: bool | None  # None: measured for comparison, has no budget
    beside: str = ""  # floor or peer, same run

    def __str__(self) -> str:
        verdict = {True: "PASS", False: "MISS", None: "-"}[self.passed]
        line = f"{verdict:4}  {self.what}: {self.figure}  (budget {self.budget})"
        return f"{line}  [{self.beside}]" if self.beside else line


def percentile(values: list[float], share: float) -> float:
    """The smallest value that `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
