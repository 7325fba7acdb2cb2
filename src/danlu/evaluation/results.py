"""What an evaluation found, as one object that every output is written from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from danlu.evaluation.contamination import Contamination
from danlu.evaluation.scoring import Scores
from danlu.evaluation.statistics import Difference, Interval, perplexity, perplexity_interval

SHORT_CHARACTERS = 400
"""Texts in an artifact's facts are cut here; the whole ones are in ``generations.json``."""
NUM_FACT_GENERATIONS = 2


@dataclass(frozen=True)
class ModelResult:
    name: str
    id: str
    scores: Scores
    loss_interval: Interval

    @property
    def loss(self) -> float:
        return self.scores.loss


@dataclass(frozen=True)
class Generation:
    """One question, the answer in the data, and what each model said."""

    id: str
    prompt: str
    reference: str
    answers: dict[str, str]


@dataclass(frozen=True)
class Results:
    models: list[ModelResult]
    """The first is the baseline."""
    differences: list[Difference]
    """Of every pair; each model against those before it."""
    row_ids: list[str]
    dropped: list[tuple[str, str]]
    """Row id, and why it was not scored."""
    generations: list[Generation]
    data: str
    """What the recipe calls the examples, with the part, for example ``rows.test``."""
    precision: str
    measure: str
    """What the loss is, in a sentence."""
    confidence: float
    samples: int
    contamination: Contamination | None = None
    """What the models saw of the rows; None if nobody looked."""

    @property
    def against_baseline(self) -> list[Difference]:
        return [each for each in self.differences if each.baseline == self.models[0].name]

    @property
    def num_tokens(self) -> int:
        """Scored tokens, as the baseline's tokenizer counts them."""
        return int(self.models[0].scores.num_tokens.sum())

    @property
    def summary(self) -> str:
        """The outcome in one or two sentences."""
        amount = f"{len(self.row_ids):,} held-out rows ({self.num_tokens:,} scored tokens)"
        if not self.against_baseline:
            only = self.models[0]
            return f"{only.name} has a loss of {only.loss:.3f} nats per token {_range(only.loss_interval)} on {amount}."
        return " ".join(self._sentence(each, amount) for each in self.against_baseline)

    def _sentence(self, difference: Difference, amount: str) -> str:
        losses = {model.name: model.loss for model in self.models}
        low, high = difference.interval
        if low <= 0 <= high:
            verdict = f"No difference between {difference.model} and {difference.baseline} can be shown"
        else:
            word = "better" if difference.mean < 0 else "worse"
            verdict = f"{difference.model} is {word} than {difference.baseline}"
        return (
            f"{verdict} on {amount}: {losses[difference.model]:.3f} against {losses[difference.baseline]:.3f} nats per "
            f"token, a paired difference of {difference.mean:+.3f} {_range(difference.interval)}, "
            f"p = {difference.p_value:.2g}; {difference.num_better:,} of {len(self.row_ids):,} rows got better."
        )

    def facts(self) -> dict[str, Any]:
        """What later stages, gates and screens read."""
        return {
            "loss": {model.name: model.loss for model in self.models},
            "loss_interval": {model.name: list(model.loss_interval) for model in self.models},
            "perplexity": {model.name: perplexity(model.loss) for model in self.models},
            "perplexity_interval": {
                model.name: list(perplexity_interval(model.loss_interval)) for model in self.models
            },
            "difference": {
                each.model: {"mean": each.mean, "interval": list(each.interval), "p_value": each.p_value}
                for each in self.against_baseline
            },
            "confidence": self.confidence,
            "num_rows": len(self.row_ids),
            "num_tokens": self.num_tokens,
            "num_dropped": len(self.dropped),
            **({"contamination": self.contamination.facts()} if self.contamination else {}),
            "summary": self.summary,
            "generations": [
                {
                    "prompt": _short(each.prompt),
                    "reference": _short(each.reference),
                    "answers": {name: _short(answer) for name, answer in each.answers.items()},
                }
                for each in self.generations[:NUM_FACT_GENERATIONS]
            ],
        }

    def to_json(self) -> dict[str, Any]:
        """Content of ``report.json``."""
        return {
            "summary": self.summary,
            "data": {
                "name": self.data,
                "num_rows": len(self.row_ids),
                "num_tokens": self.num_tokens,
                "dropped": [{"id": row_id, "reason": reason} for row_id, reason in self.dropped],
            },
            "models": [
                {
                    "name": model.name,
                    "id": model.id,
                    "loss": model.loss,
                    "loss_interval": list(model.loss_interval),
                    "perplexity": perplexity(model.loss),
                    "perplexity_interval": list(perplexity_interval(model.loss_interval)),
                    "num_tokens": int(model.scores.num_tokens.sum()),
                }
                for model in self.models
            ],
            "differences": [asdict(each) for each in self.differences],
            "contamination": self.contamination.to_json() if self.contamination else None,
            "precision": self.precision,
            "confidence": self.confidence,
            "bootstrap_samples": self.samples,
        }


def _range(interval: Interval) -> str:
    return f"[{interval[0]:.3f}, {interval[1]:.3f}]"


def _short(text: str) -> str:
    return text if len(text) <= SHORT_CHARACTERS else text[: SHORT_CHARACTERS - 1] + "…"
