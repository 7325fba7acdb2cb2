"""What is done about a step that went wrong, before the optimizer moves.

A batch is a function of the step, so a batch is left out by making its step without it: the weights stay as they are,
and the learning rate, the budget and every later batch are what they would have been. ``rewind`` goes back to the
newest checkpoint first. Steps that are made again have the same bits, so this ends where ``skip`` does, unless it was
the weights that were damaged: by an update that overflowed, or by the machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from danlu.telemetry.reporter import Reporter
from danlu.training.health.attempt import Attempt, stopped
from danlu.training.health.left_out import LeftOut
from danlu.training.health.outliers import Outliers
from danlu.training.health.settings import CHANGING, HealthSettings

MOST_IN_A_ROW = 10
"""So many batches one after the other are left out. If all of them are bad, the model is."""


class Rewind(Exception):  # noqa: N818, it is no error
    """Training is to go on from the newest checkpoint. Raised through the loop, for `danlu.training.health.rewind`.

    Args:
        step: That is left out from now on, counted from 1.
    """

    def __init__(self, step: int) -> None:
        super().__init__(step)
        self.step = step


class Guard:
    """Says whether the optimizer may move.

    What it decides by is the same on all ranks, so all of them decide the same.

    Args:
        settings: What is done when.
        outliers: The steps before.
        left_out: Steps that were left out already.
        reporter: Is told which rows were left out.
        has_checkpoint: Whether there is one to go back to; may wait for the disk.
    """

    def __init__(
        self,
        settings: HealthSettings,
        outliers: Outliers,
        left_out: LeftOut,
        reporter: Reporter,
        has_checkpoint: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._outliers = outliers
        self._left_out = left_out
        self._reporter = reporter
        self._has_checkpoint = has_checkpoint
        self._was_outlier = False

    def may_move(self, attempt: Attempt, where: str = "") -> bool:
        """Look at one step.

        Args:
            attempt: The step.
            where: Modules whose gradients are not finite.

        Raises:
            UserError: it is bad and the policy is to stop, or too many before it were bad.
            Rewind: that is the policy.
        """
        if attempt.step in self._left_out:
            self._reporter.event("step_left_out", step=attempt.step, why="as before", rows=attempt.names())
            return False
        if not attempt.is_finite:
            what = "its loss or gradient is not finite" + (f" (gradients of {where})" if where else "")
            return self._act(self._settings.on_non_finite, attempt, what)
        why = self._outliers.why(attempt.loss, attempt.gradient_norm)
        action = self._settings.on_outlier
        was_outlier, self._was_outlier = self._was_outlier, why is not None
        if why is not None and action in ("stop", *CHANGING):
            hint = "Look at those rows, or raise health.outlier.threshold; the last checkpoint is kept."
            return self._act(action, attempt, why, hint)
        if why is not None and action == "warn" and not was_outlier:
            self._reporter.warn(f"Step {attempt.step} is an outlier: {why} ({attempt.names()}).")
            self._reporter.event("outlier", **_facts(attempt, why))
        self._outliers.add(attempt.loss, attempt.gradient_norm)
        return True

    def _act(self, policy: str, attempt: Attempt, why: str, hint: str = "") -> bool:
        if policy == "stop":
            raise stopped(attempt, f"; {why}", hint)
        if self._left_out.num_just_before(attempt.step) >= MOST_IN_A_ROW:
            raise stopped(
                attempt,
                f"; {why}, and the {MOST_IN_A_ROW} steps before were left out, too",
                "Not the rows are bad, then: lower optimizer.learning_rate; the last checkpoint is kept.",
            )
        self._left_out.add(attempt.step)
        rewinds = policy == "rewind" and self._has_checkpoint()
        how = "Training goes back to the newest checkpoint, and on without that batch" if rewinds else "It is left out"
        if policy == "rewind" and not rewinds:
            how = "There is no checkpoint to go back to yet, so it is only left out"
        self._reporter.warn(f"Step {attempt.step}: {why} ({attempt.names()}). {how}.")
        self._reporter.event("step_left_out", **_facts(attempt, why), rewinds=rewinds)
        if rewinds:
            raise Rewind(attempt.step)
        return False


def _facts(attempt: Attempt, why: str) -> dict[str, object]:
    """For the events; JSON has no numbers that are not finite."""
    numbers = {"loss": attempt.loss, "gradient_norm": attempt.gradient_norm}
    finite = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
    return {"step": attempt.step, "why": why, "rows": attempt.names(), **finite}
