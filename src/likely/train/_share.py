"""How processes share the windows of a step."""

from likely.core.errors import BadSetting
from likely.train.recipe import Recipe


def share(recipe: Recipe, processes: int) -> tuple[int, int]:
    """Windows of a micro batch and micro batches of a step, on each process.

    A step reads the same rows × accumulate windows however many processes there are.

    Args:
        recipe: says how many windows a step reads.
        processes: that share them.

    Returns:
        Rows and accumulate; rows are never more than the recipe's.

    Raises:
        BadSetting: the windows cannot be shared evenly.

    Example:
        >>> share(Recipe(rows=16), 2), share(Recipe(rows=6, accumulate=2), 4)
        ((8, 1), (3, 1))
    """
    windows = recipe.rows * recipe.accumulate
    each, left = divmod(windows, processes)
    if left or not each:
        more = processes * (each + 1)
        raise BadSetting(
            "Recipe",
            [
                f"rows={recipe.rows} × accumulate={recipe.accumulate} are {windows} windows a "
                f"step, which {processes} processes cannot share evenly: take rows={more}, or "
                "another number of processes."
            ],
        )
    rows = next(n for n in range(min(recipe.rows, each), 0, -1) if each % n == 0)
    return rows, each // rows
