"""The evaluation itself: the same rows for every model, one model in memory at a time, then the comparison."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from danlu.artifacts.stage import Input, StageContext
from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.errors import UserError
from danlu.evaluation.config import EvaluateConfig
from danlu.evaluation.generation import answer_all
from danlu.evaluation.masked import masked_scorer
from danlu.evaluation.results import Generation, ModelResult, Results
from danlu.evaluation.rows import Example, Question, Row, question_and_answer, render_rows
from danlu.evaluation.scoring import Scores, score_rows
from danlu.evaluation.statistics import compare, loss_interval
from danlu.models.attention import DOCUMENT_ATTENTION, register_document_attention
from danlu.models.load import base_artifact, load_model, load_tokenizer
from danlu.models.masking import MaskVocabulary
from danlu.models.tasks import is_encoder
from danlu.telemetry.allocator import release_memory

if TYPE_CHECKING:
    from danlu.telemetry.reporter import Reporter

PREDICTED = "Mean negative log-likelihood of the answers' tokens, each given everything before it."
GUESSED = (
    "Mean negative log-likelihood of the documents' tokens, each hidden once with a seventh of the others"
    " and guessed from the rest."
)
"""What the loss is, of models that predict the next token and of encoders."""

FEWEST_ROWS = 2
"""With a single row there is nothing to resample."""


def evaluate(
    config: EvaluateConfig, context: StageContext, examples: list[Example], data: str, precision: str
) -> Results:
    """Score `examples` with every model of the stage.

    Args:
        examples: In the order they are to be reported and, from the first on, answered.
        data: What to call them.
        precision: Name of a torch dtype, for the weights.

    Raises:
        UserError: too few rows can be scored, or a model gives no finite loss.
    """
    models = context.inputs["models"]
    rows, dropped = _common_rows(config, context, examples)
    kept = [place for place in range(len(examples)) if place not in dropped]
    asked = [question_and_answer(examples[place]) for place in kept[: config.generations.rows]]
    scores: dict[str, Scores] = {}
    answers: dict[str, list[str]] = {}
    for model in models:
        scores[model.name], answers[model.name] = _run_model(
            model,
            [rows[model.name][place] for place in kept],
            [question for question, _ in asked],
            precision,
            config,
            context,
        )
    _check_same_tokens(scores, context.reporter)
    return Results(
        models=[
            ModelResult(
                model.name,
                _artifact(model).id,
                scores[model.name],
                loss_interval(scores[model.name], config.bootstrap),
            )
            for model in models
        ],
        differences=[
            compare(model.name, scores[model.name], earlier.name, scores[earlier.name], config.bootstrap)
            for index, model in enumerate(models)
            for earlier in models[:index]
        ],
        row_ids=[examples[place]["id"] for place in kept],
        dropped=[(examples[place]["id"], reason) for place, reason in sorted(dropped.items())],
        generations=[
            Generation(
                id=examples[place]["id"],
                prompt=question if isinstance(question, str) else "\n\n".join(each["content"] for each in question),
                reference=reference,
                answers={model.name: answers[model.name][index] for model in models},
            )
            for index, (place, (question, reference)) in enumerate(zip(kept, asked, strict=False))
        ],
        data=data,
        precision=precision,
        measure=GUESSED if is_encoder(models[0].facts.get("config") or {}) else PREDICTED,
        confidence=config.bootstrap.confidence,
        samples=config.bootstrap.samples,
    )


def _common_rows(
    config: EvaluateConfig, context: StageContext, examples: list[Example]
) -> tuple[dict[str, dict[int, Row]], dict[int, str]]:
    """Rows by model name and place in `examples`; a row that one model cannot read is left out for all."""
    rows: dict[str, dict[int, Row]] = {}
    dropped: dict[int, str] = {}
    for model in context.inputs["models"]:
        artifact = _artifact(model)
        length = min(config.length, _context_length(artifact, context.store) or config.length)
        rows[model.name], unusable = render_rows(load_tokenizer(artifact.path), examples, length=length)
        dropped = {**unusable, **dropped}
    for reason, count in Counter(dropped.values()).most_common(5):
        context.reporter.warn(f"{count:,} of {len(examples):,} rows are not scored: {reason}.")
    if len(examples) - len(dropped) < FEWEST_ROWS:
        raise UserError(
            f"Of {len(examples)} rows only {len(examples) - len(dropped)} can be scored; intervals need {FEWEST_ROWS}.",
            "Hold out more rows, or raise the stage's length if the rows are longer than it.",
        )
    return rows, dropped


def _run_model(
    model: Input,
    rows: list[Row],
    questions: list[Question],
    precision: str,
    config: EvaluateConfig,
    context: StageContext,
) -> tuple[Scores, list[str]]:
    """Scores and answers of one model, which is let go of afterwards."""
    import torch

    num_tokens = sum(len(row.input_ids) for row in rows)
    encoder = is_encoder(model.facts.get("config") or {})
    if encoder:
        register_document_attention()
    attention = DOCUMENT_ATTENTION if encoder else None
    with context.reporter.progress(f"Load {model.name}", None, "models"):
        loaded = load_model(_artifact(model), context.store, dtype=getattr(torch, precision), attention=attention)
    score_row = None
    if encoder:
        score_row = masked_scorer(loaded.model, MaskVocabulary.of(loaded.tokenizer), config.bootstrap.seed)
    with context.reporter.progress(f"Score {model.name}", num_tokens, "tokens") as task:
        scores = score_rows(loaded.model, rows, task.advance, score_row)
    with context.reporter.progress(f"Ask {model.name}", len(questions), "answers") as task:
        answers = answer_all(
            loaded.model, loaded.tokenizer, questions, max_new_tokens=config.generations.max_new_tokens
        )
        task.advance(len(questions))
    del loaded
    release_memory()  # before the next model comes
    return scores, answers


def _context_length(artifact: Artifact, store: ArtifactStore) -> int | None:
    """How many tokens the model can read at once, if its configuration says so."""
    from transformers import AutoConfig

    config: Any = AutoConfig.from_pretrained(str(base_artifact(artifact, store).path), local_files_only=True)
    length = getattr(config.get_text_config(), "max_position_embeddings", None)
    return int(length) if length else None


def _check_same_tokens(scores: dict[str, Scores], reporter: Reporter) -> None:
    (first_name, first), *others = scores.items()
    for name, other in others:
        if not np.array_equal(first.num_tokens, other.num_tokens):
            reporter.warn(
                f"{name} and {first_name} cut the same answers into different tokens: their losses per token, and the "
                "difference between them, are not comparable."
            )


def _artifact(model: Input) -> Artifact:
    assert model.artifact is not None, f"{model.name} has not been made yet"
    return model.artifact
