"""What each row costs a model: the negative log-likelihood of its answers.

Rows are scored one by one, never in a batch. In bfloat16 the shape of a batch changes how sums are split and thus what
is rounded: on SmolLM2-135M, scoring the same rows in padded batches of 2,048 tokens moved single rows by up to 2.6 nats
and the mean loss by 0.003. Alone, a row's score depends on nothing but the row and the model. It costs no speed on
processors: without padding, one by one was as fast as in batches or faster (441 against 420 tokens per core-second).
Each core scores rows of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from danlu.errors import UserError
from danlu.evaluation.rows import Row

if TYPE_CHECKING:
    from danlu.models.head import Head


@dataclass(frozen=True, eq=False)
class Scores:
    """One model on all rows, in the rows' order."""

    nll: npt.NDArray[np.float64]
    """Shape (num_rows,): summed negative log-likelihood of a row's scored tokens, in nats."""
    num_tokens: npt.NDArray[np.int64]
    """Shape (num_rows,): how many tokens were scored."""

    @property
    def loss(self) -> float:
        """Nats per scored token: every token counts the same, whatever row it stands in."""
        return float(self.nll.sum() / self.num_tokens.sum())

    @property
    def row_losses(self) -> npt.NDArray[np.float64]:
        """Shape (num_rows,): nats per scored token of each row."""
        return self.nll / self.num_tokens


def score_rows(
    model: Any,
    rows: Sequence[Row],
    advance: Callable[[int], None] = lambda num_tokens: None,
    score_row: Callable[[Row], float] | None = None,
) -> Scores:
    """Score every row, from hidden states at scored positions only, so that the full logits never exist.

    Args:
        model: A transformers causal language model, PEFT-wrapped or not, in eval mode.
        rows: In any order.
        advance: Called after each row with its number of tokens.
        score_row: What gives a row's summed negative log-likelihood, in nats; that of the next tokens if not given.

    Raises:
        UserError: the model's output for a row is no finite number.
    """
    from danlu.hardware.threads import workers_of_one_thread
    from danlu.models.head import Head

    score_row = score_row or partial(_score_row, model, Head.of(model))
    nll = np.zeros(len(rows), np.float64)
    with workers_of_one_thread() as pool:
        for index, (row, score) in enumerate(zip(rows, pool.map(score_row, rows), strict=True)):
            nll[index] = score
            if not np.isfinite(score):
                raise UserError(
                    f"The model's loss on row {row.id} is {score}.",
                    "Its weights are broken, or too large for bfloat16; try precision: float32.",
                )
            advance(len(row.input_ids))
    return Scores(nll, np.array([row.supervised.sum() for row in rows], np.int64))


def _score_row(model: Any, head: Head, row: Row) -> float:
    """Summed negative log-likelihood of the row's scored tokens, in nats."""
    import torch

    from danlu.models.head import hidden_states, token_losses
    from danlu.models.shapes import filling

    with torch.inference_mode():
        num_tokens = len(row.input_ids)
        # What is filled in comes after every token that is scored, and a causal model does not look ahead.
        ids_T = torch.from_numpy(np.pad(row.input_ids, (0, filling(num_tokens)))).long().to(model.device)
        (targets,) = np.nonzero(row.supervised)
        targets_N = torch.from_numpy(targets).to(model.device)
        hidden_TD = hidden_states(model, input_ids=ids_T[None])[0]
        # A token is predicted from the position before it.
        return float(token_losses(hidden_TD[targets_N - 1], head, ids_T[targets_N]).double().sum())
