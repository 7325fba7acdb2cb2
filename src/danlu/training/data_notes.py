"""What is to be said about the data of a training stage."""

from __future__ import annotations

from danlu.training.batches import BatchStream
from danlu.training.data import TrainingData
from danlu.training.ramps import ramp_steps
from danlu.training.rows.mixture import MixedRows
from danlu.training.settings import CurriculumSettings

MOST_USEFUL_EPOCHS = 4
"""Repeated up to four times, data is nearly as good as new (Muennighoff et al. 2023, arXiv:2305.16264)."""
SHOWN_ROWS = 32
"""On so many rows it is counted what is hidden."""


def data_notes(data: TrainingData, batches: BatchStream, num_steps: int) -> list[str]:
    """What happens to the data, one line each."""
    num_tokens = batches.num_tokens(num_steps)
    num_documents = sum(source.store.num_documents for source in data.sources)
    epoch_tokens = batches.rows.epoch_tokens
    notes = [
        f"{num_steps} steps of {batches.rows_per_batch.last} rows: {num_tokens:,} tokens,"
        f" {num_tokens / epoch_tokens:.2f} passes over {epoch_tokens:,} tokens ({num_documents:,} documents)",
        _what_is_learnt(data, batches),
    ]
    facts = [source.facts for source in data.sources if "end_of_turn_trained" in source.facts]
    if facts:
        trained = all(each["end_of_turn_trained"] for each in facts)
        notes[-1] += f"; end of turn trained: {'yes' if trained else 'NO'}"
        num_dropped, num_truncated = (
            sum(each.get(name, 0) for each in facts) for name in ("num_dropped", "num_truncated")
        )
        notes.append(f"while tokenising, {num_dropped} examples were dropped and {num_truncated} truncated")
    for name, settings, full in (
        ("rows in a step", data.config.batch.rows_ramp, batches.rows_per_batch.last),
        ("tokens in a row", data.config.batch.length_ramp, data.length),
    ):
        if settings:
            grown = ramp_steps(settings, num_steps)
            notes.append(f"{name} grow from {settings.from_} to {full} over the first {grown} steps")
    if data.config.curriculum:
        notes += _curriculum_notes(data.config.curriculum, num_tokens / epoch_tokens)
    if isinstance(batches.rows, MixedRows):
        notes += _mixture_notes(batches.rows, batches.num_rows(num_steps))
    return notes


def _what_is_learnt(data: TrainingData, batches: BatchStream) -> str:
    rows = [batches.rows.row(place) for place in range(SHOWN_ROWS)]
    if rows[0].seen is not None:
        share = sum(int(row.supervised.sum()) for row in rows) / sum(len(row.input_ids) for row in rows)
        pairs = "; pairs of segments are told apart" if rows[0].labels is not None else ""
        return f"{share:.0%} of the tokens are to be guessed, others each time{pairs}"
    if rows[0].labels is not None:
        num_cut = sum(int((source.store.document_lengths > data.length).sum()) for source in data.sources)
        cut = f"; {num_cut:,} are cut to {data.length:,} tokens, the beginning and the last one" if num_cut else ""
        return f"one of {len(data.model_config['id2label'])} classes is told for each document{cut}"
    return f"{data.num_supervised / batches.rows.epoch_tokens:.0%} of the tokens are supervised"


def _curriculum_notes(curriculum: CurriculumSettings, epochs: float) -> list[str]:
    """What is read in which order."""
    notes = [
        f"for {curriculum.epochs} epochs, documents come by {curriculum.by}, {curriculum.order}:"
        f" {curriculum.start:.0%} of them may come first, all after {curriculum.over:.0%} of the epoch"
    ]
    if epochs < curriculum.over:
        notes.append(
            f"Warning: training ends after {epochs:.2f} epochs, before the curriculum reaches its hardest documents"
        )
    return notes


def _mixture_notes(mixed: MixedRows, num_rows: int) -> list[str]:
    """How much is read of each source."""
    tokens_by_source = mixed.tokens_by_source(num_rows)
    notes, all_tokens = [], sum(tokens_by_source)
    for name, rows, tokens in zip(mixed.names_of_sources, mixed.sources, tokens_by_source, strict=True):
        epochs = tokens / rows.epoch_tokens
        note = f"{name}: {tokens:,} tokens ({tokens / all_tokens:.0%}), {epochs:.2f} passes over its own"
        if epochs > MOST_USEFUL_EPOCHS:
            note = f"Warning: {note}; beyond {MOST_USEFUL_EPOCHS}, little is learnt from a text read again"
        notes.append(note)
    return notes
