"""What is checked of a page's options before a law is fitted."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from likely.core.errors import BadSetting, did_you_mean

if TYPE_CHECKING:
    from likely.forecast.law import Law

FIGURES = ("fit", "schedules", "residuals", "held-out", "valleys", "frontier", "profiles")
"""Names of all figures."""


def folder_to_write(folder: Path | None) -> None:
    """Stop where something else than figures of ours would be replaced.

    Args:
        folder: for figures.

    Raises:
        BadSetting: it is a file, or holds other things.
    """
    if folder is None:
        return
    if folder.is_file():
        raise BadSetting("--figures", [f"{folder} is a file: name a folder."])
    ours = {f"{name}.{form}" for name in FIGURES for form in ("svg", "png")}
    others = {one.name for one in folder.iterdir()} - ours if folder.is_dir() else set()
    if others:
        raise BadSetting(
            "--figures",
            [f"{folder} holds other things ({sorted(others)[0]}): name a new folder."],
        )


def check_run(law: "Law", given: Mapping[str, float]) -> None:
    """Stop where a run is not what the law reads.

    Args:
        law: that will be fitted.
        given: column → value; none is right too.

    Raises:
        BadSetting: columns are missing, or ones that the law does not read.
    """
    if not given:
        return
    if "schedule" in law.columns:
        raise BadSetting(
            "--predict",
            [f"{law.name} reads schedules: save the fit, and ask likely forecast predict."],
        )
    check_columns("--predict", law, given)


def check_columns(
    option: str, law: "Law", given: Mapping[str, float], *, also: Collection[str] = ()
) -> None:
    """Stop where the columns of a run are not those that a law reads.

    Args:
        option: that they were given to, for the message.
        law: reads them.
        given: column → value.
        also: columns that may be given beside them.

    Raises:
        BadSetting: columns are missing, or ones that the law does not read.
    """
    unknown = [name for name in given if name not in {*law.columns, *also}]
    problems = [
        f"{law.name} reads no {name!r}.{did_you_mean(name, law.columns)} It reads: "
        f"{', '.join(law.columns)}."
        for name in unknown
    ]
    missing = [f"{name}=…" for name in law.columns if name not in given]
    if missing:
        problems.append(f"{law.name} needs {', '.join(missing)} too.")
    if problems:
        raise BadSetting(option, problems)


def check_budget(law: "Law", flops: float | None) -> None:
    """Stop where a law cannot split a budget.

    Args:
        law: that will be fitted.
        flops: the budget, if any.

    Raises:
        BadSetting: the law does not read just size and data.
    """
    if flops is not None and set(law.columns) != {"params", "tokens"}:
        raise BadSetting(
            "--compute",
            [
                f"{law.name} reads {', '.join(law.columns)}: use a law of params and tokens, such "
                "as chinchilla, to split a budget."
            ],
        )
