"""Which steps are looked at closely, and what of it is written down."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import torch

from danlu.telemetry.metrics import MetricsWriter
from danlu.telemetry.system import SystemSampler
from danlu.training.health.attempt import Attempt
from danlu.training.health.look import Look
from danlu.training.health.norms import Norms, SumOverRanks
from danlu.training.health.pictures import Decode, take_pictures
from danlu.training.health.settings import HealthSettings
from danlu.training.loop import StepReport

Compute = Callable[[Callable[[], dict[str, float]]], dict[str, float]]
"""Has something done, and returns what it returns."""

SYSTEM_SECONDS = 10.0
"""Between two records of how the machine is."""


class Watch:
    """Looks at the first step and at every so many after it, from the gradient to the optimizer's move.

    Args:
        settings: How often.
        trained: Parameters by name; of several ranks, this rank's parts.
        sum_over_ranks: See `danlu.training.health.norms`.
        make_look: At activations and attention; None where this process has not got the whole model. Called when it is
            first needed.
        writer: Gets what was seen; None on all ranks but one.
        decode: From token ids to text, where the model goes on with texts.
        compute: Has it done by whoever makes the passes. On a CPU these are workers of one thread each: with several,
            operations as small as these end in barriers, at which threads spin, ten times as long on a busy machine.
            (torch's number of threads must not be changed meanwhile: a worker that begins later would take it over.)
    """

    def __init__(
        self,
        settings: HealthSettings,
        trained: Mapping[str, torch.Tensor],
        sum_over_ranks: SumOverRanks,
        make_look: Callable[[], Look] | None,
        writer: MetricsWriter | None,
        decode: Decode | None,
        compute: Compute,
    ) -> None:
        self._settings = settings
        self._compute = compute
        self._trained = trained
        self._norms = Norms(trained, sum_over_ranks)
        self._make_look = make_look
        self._look: Look | None = None
        self._writer = writer
        self._decode = decode
        self._seen: dict[str, float] | None = None

    def before_optimizer(self, attempt: Attempt) -> None:
        """Look, if it is time to, at a step that will be made."""
        every, pictures_every = self._settings.every_steps, self._settings.picture_steps
        wants_pictures = pictures_every is not None and attempt.step % pictures_every == 0
        if not wants_pictures and (every is None or (attempt.step > 1 and attempt.step % every)):
            return

        def work() -> dict[str, float]:
            seen = self._norms.before_step(attempt.gradient_norm)
            if self._make_look is None or self._writer is None:
                return seen
            return seen | self._looked(attempt, self._make_look, self._writer, wants_pictures=wants_pictures)

        self._seen = self._compute(work)

    def _looked(
        self, attempt: Attempt, make_look: Callable[[], Look], writer: MetricsWriter, *, wants_pictures: bool
    ) -> dict[str, float]:
        """What a look at activations and attention finds."""
        self._look = self._look or make_look()
        micro = attempt.batch.micro_batches[0]
        findings = self._look.at(micro, wants_pictures=wants_pictures)
        if wants_pictures:
            writer.show(attempt.step, take_pictures(findings, self._trained, micro, self._look.mirror, self._decode))
        return findings.metrics

    def at_non_finite(self, attempt: Attempt) -> list[str]:
        """Count what is not finite; returns the modules that have it."""
        counts = self._norms.non_finite()
        if self._writer is not None:
            self._writer.write(attempt.step, {f"non_finite/{module}": count for module, count in counts.items()})
        return [module for module, count in counts.items() if count]

    def after_step(self, report: StepReport) -> None:
        if self._seen is None:
            return
        seen = self._seen | self._compute(self._norms.after_step)
        self._seen = None
        if self._writer is not None:
            self._writer.write(report.step, seen)


class WatchSystem:
    """Writes down every ten seconds how the machine is.

    Args:
        sampler: Reads it.
        writer: Gets it.
        clock: In seconds.
    """

    def __init__(
        self, sampler: SystemSampler, writer: MetricsWriter, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sampler = sampler
        self._writer = writer
        self._clock = clock
        self._last = clock()

    def after_step(self, report: StepReport) -> None:
        if self._clock() - self._last >= SYSTEM_SECONDS:
            self._last = self._clock()
            self._writer.write(report.step, self._sampler.sample())
