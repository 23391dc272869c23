"""What laws are functions of: columns of a table, and coefficients with their ranges."""

from collections.abc import Sequence
from typing import Annotated, TypeAlias

import numpy as np
from annotated_types import Gt, Le
from jaxtyping import Float

Column: TypeAlias = int | float | Float[np.ndarray, "..."]
"""One number, or one number a run, `[R]`."""

Schedules: TypeAlias = Sequence[Float[np.ndarray, "_"]]
"""The learning rate of every step, one array a run: entry t is the rate of step t + 1."""

Coefficient: TypeAlias = int | float | Float[np.ndarray, "..."]
"""A fitted number, or one a refit in a form that broadcasts against columns, `[C, 1]`."""

Positive: TypeAlias = Annotated[Coefficient, Gt(0)]
"""A coefficient above 0; it is fitted by its logarithm."""

Exponent: TypeAlias = Annotated[Coefficient, Gt(0), Le(5)]
"""An exponent of a power law, by whose sign the law falls."""
