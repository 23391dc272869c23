"""How a run can end before its last step."""

from pathlib import Path

from likely.core.errors import LikelyError


class Interrupted(LikelyError):
    """A run that was stopped by Ctrl-C and lies on disk, ready to go on.

    Args:
        folder: the run.
        step: steps taken.
        steps: steps the recipe asks for.
    """

    def __init__(self, folder: Path, step: int, steps: int) -> None:
        self.folder, self.step, self.steps = folder, step, steps
        super().__init__(
            f"Stopped at step {step} of {steps}; everything is saved. "
            f"Go on with: likely train --resume {folder}"
        )


class Diverged(LikelyError):
    """A run whose loss or gradient is no finite number any more.

    Args:
        what: `loss` or `gradient norm`.
        value: what it became.
        step: the step that was not taken.
        lr: learning rate of that step.
        kept: step of the newest checkpoint, if there is one.
    """

    def __init__(self, what: str, value: float, step: int, lr: float, kept: int | None) -> None:
        self.step, self.lr, self.kept = step, lr, kept
        saved = "no checkpoint was written yet" if kept is None else f"step {kept} is kept on disk"
        super().__init__(
            f"The {what} became {value} at step {step} (learning rate {lr:.3g}); {saved}. "
            "Try a third of the learning rate, a longer warm-up or a smaller clip, "
            "and start a new run."
        )


class StoppedTrials(Interrupted):
    """A claim whose trying was stopped by Ctrl-C; finished trials are kept.

    Args:
        done: trials that are finished.
        total: trials there are.
        command: what goes on.
    """

    def __init__(self, done: int, total: int, command: str) -> None:
        self.done, self.total = done, total
        LikelyError.__init__(
            self,
            f"Stopped with {done} of {total} trials finished, which are kept. "
            f"Go on with: {command}",
        )
