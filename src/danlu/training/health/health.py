"""Everything that watches one training stage, put together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from danlu.telemetry.metrics import MetricsWriter
from danlu.telemetry.reporter import Reporter
from danlu.training.checkpoint import Checkpoints
from danlu.training.health.attempt import Attempt
from danlu.training.health.guard import Guard
from danlu.training.health.left_out import LeftOut
from danlu.training.health.look import Look
from danlu.training.health.outliers import Outliers
from danlu.training.health.pictures import Decode
from danlu.training.health.ranks import sum_over_ranks
from danlu.training.health.settings import CHANGING, HealthSettings
from danlu.training.health.watch import Watch
from danlu.training.held import Held
from danlu.training.loop import AnyPasses, StepReport

NAMED_MODULES = 3
"""Of those with numbers that are not finite, a warning names so many."""


class Inspector:
    """Asked by the loop whether the optimizer may move, and told of each step when it is over.

    Args:
        guard: Decides.
        watch: Looks.
    """

    def __init__(self, guard: Guard, watch: Watch) -> None:
        self._guard = guard
        self._watch = watch

    def may_move(self, attempt: Attempt) -> bool:
        """See `Guard.may_move` for what is raised."""
        where = [] if attempt.is_finite else self._watch.at_non_finite(attempt)
        if not self._guard.may_move(attempt, _named(where)):
            return False
        self._watch.before_optimizer(attempt)
        return True

    def after_step(self, report: StepReport) -> None:
        self._watch.after_step(report)


class Health:
    """What of it a training stage makes before it has its passes.

    Args:
        settings: What is watched, and what is done.
        directory: Of the stage.
        reporter: Is told what goes wrong.
        writes: Whether this process writes; one of several does.
    """

    def __init__(self, settings: HealthSettings, directory: Path, reporter: Reporter, *, writes: bool = True) -> None:
        self._settings = settings
        self._reporter = reporter
        self._outliers = Outliers(settings.outlier)
        self._left_out = LeftOut(directory, writes=writes)

    @property
    def stateful(self) -> dict[str, Outliers]:
        """What belongs into checkpoints, by name: the steps before, where what is an outlier changes the result."""
        return {"outliers": self._outliers} if self._settings.on_outlier in CHANGING else {}

    def inspector(
        self,
        held: Held,
        names: Sequence[str],
        passes: AnyPasses,
        checkpoints: Checkpoints,
        writer: MetricsWriter | None,
        decode: Decode | None = None,
    ) -> Inspector:
        """Guard and watch of the steps.

        Args:
            held: What this rank trains.
            names: Of all trained parameters of the whole model.
            passes: Over it.
            checkpoints: Of the stage.
            writer: Gets what is seen; None on all ranks but one.
            decode: From token ids to text, for models that go on with texts.
        """

        def has_checkpoint() -> bool:
            checkpoints.finish()
            return held.world.of_first(checkpoints.newest_step) > 0

        make_look = None if passes.whole_model is None else partial(Look, passes.whole_model)
        if make_look is None and self._settings.every_steps:
            self._reporter.warn("Activations and attention are not watched: no process has the whole model to itself.")
        total = sum_over_ranks(held, names)
        watch = Watch(self._settings, held.tensors, total, make_look, writer, decode, passes.alongside)
        guard = Guard(self._settings, self._outliers, self._left_out, self._reporter, has_checkpoint)
        return Inspector(guard, watch)


def _named(modules: list[str]) -> str:
    more = len(modules) - NAMED_MODULES
    return ", ".join(modules[:NAMED_MODULES]) + (f" and {more} more" if more > 0 else "")
