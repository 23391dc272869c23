"""What a table cannot say, in sentences that name the money it would cost."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Caution:
    """One reason not to trust a number, and what would help.

    Args:
        kind: a short name, the same in JSON and docs: `extrapolation`, `bound`, `starts`,
            `outlier`, `trunk`, `parameters`, `horizon`, `condition`, `sizes`, `together`, `few`,
            `bent`, `reach`, `bias`,
            `stray`.
        says: what is wrong with the data or the fit.
        do: what to do about it.
    """

    kind: str
    says: str
    do: str

    def __str__(self) -> str:
        return f"{self.says} {self.do}"

    def as_json(self) -> Mapping[str, str]:
        """Plain values.

        Returns:
            Its three parts by name.
        """
        return {"kind": self.kind, "says": self.says, "do": self.do}
