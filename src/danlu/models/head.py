"""From hidden states to token losses without ever holding the full logits.

The logits of one training step are the largest tensor there is: 4,096 tokens times 49,152 entries times 4 bytes is
805 MB, and autograd keeps two or three of them. Here they exist for `CHUNK_TOKENS` positions at a time, only where a
token is supervised, and the gradient with respect to the hidden states is made in the forward pass while the chunk's
probabilities are at hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from danlu.errors import UserError
from danlu.models.compiling import compiled
from danlu.models.parallel.group import ALONE
from danlu.models.parallel.tensors import VocabularyPart
from danlu.models.shapes import MULTIPLE_TOKENS, filling

CHUNK_TOKENS = 128
TRAINED_CHUNK_TOKENS = 512
"""Where the head's weight is trained: its gradient, as large as the weight, is read and written once a chunk."""


@dataclass(frozen=True)
class Head:
    """The last step of a language model: hidden state to logits."""

    weight: torch.Tensor
    """(vocabulary, hidden)."""
    bias: torch.Tensor | None
    """(vocabulary,) or None."""
    scale: float = 1.0
    """Logits are multiplied by this (Cohere's ``logit_scale``, Granite's ``1 / logits_scaling``)."""
    softcap: float | None = None
    """Logits are squashed to +-softcap by tanh (Gemma's ``final_logit_softcapping``)."""
    vocabulary: VocabularyPart | None = None
    """Which part of the vocabulary `weight` and `bias` are of, where it is divided over ranks."""

    @classmethod
    def of(cls, model: Any) -> Head:
        """The head of a transformers causal language model."""
        layer, config = model.get_output_embeddings(), model.config.get_text_config()
        if hasattr(layer, "base_layer"):
            raise UserError(
                "The adapter targets the output head, which Danlu trains and scores in pieces.",
                "Take the head out of adapter.targets; `all-linear` leaves it out.",
            )
        scale = getattr(config, "logit_scale", None) or 1.0 / (getattr(config, "logits_scaling", None) or 1.0)
        softcap = getattr(config, "final_logit_softcapping", None)
        return cls(
            weight=layer.weight,
            bias=getattr(layer, "bias", None),
            scale=float(scale),
            softcap=softcap,
            vocabulary=getattr(layer, "vocabulary", None),
        )

    def logits(self, hidden_ND: torch.Tensor) -> torch.Tensor:
        """(N, vocabulary) in float32."""
        logits_NV = torch.nn.functional.linear(hidden_ND, self.weight, self.bias).float()
        if self.scale != 1.0:
            logits_NV = logits_NV * self.scale
        if self.softcap is not None:
            logits_NV = torch.tanh(logits_NV / self.softcap) * self.softcap
        return logits_NV


def hidden_states(model: Any, **inputs: Any) -> torch.Tensor:
    """Run a causal language model up to, not including, its head: (batch, tokens, hidden)."""
    causal_lm = model.get_base_model() if hasattr(model, "get_base_model") else model
    output: torch.Tensor = causal_lm.base_model(use_cache=False, **inputs).last_hidden_state
    return output


def token_losses(hidden_ND: torch.Tensor, head: Head, targets_N: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood of each target, (N,) float32, in nats. Without gradient."""
    num_targets = len(targets_N)
    losses = [hidden_ND.new_zeros(0, dtype=torch.float32)]
    hidden_ND, targets_N = _filled(hidden_ND, targets_N, MULTIPLE_TOKENS)
    with torch.no_grad():
        for start in range(0, len(hidden_ND), CHUNK_TOKENS):
            rows = slice(start, start + CHUNK_TOKENS)
            logits_NV = head.logits(hidden_ND[rows])
            losses.append(torch.nn.functional.cross_entropy(logits_NV, targets_N[rows], reduction="none"))
    return torch.cat(losses)[:num_targets]


def _filled(hidden_ND: torch.Tensor, targets_N: torch.Tensor, multiple: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Both with zeros appended, up to one of few shapes (see `danlu.models.shapes`)."""
    num_filled = filling(len(targets_N), multiple)
    pad = torch.nn.functional.pad
    return pad(hidden_ND, (0, 0, 0, num_filled)), pad(targets_N, (0, num_filled))


def linear_cross_entropy(
    hidden_ND: torch.Tensor,
    head: Head,
    targets_N: torch.Tensor,
    label_smoothing: float = 0.0,
    *,
    is_compiled: bool = False,
) -> torch.Tensor:
    """Sum (not mean) of the negative log-likelihoods of the targets, in nats, differentiable.

    Where the vocabulary is divided over ranks, each gets the whole sum, and the part of the gradient of the hidden
    states that its logits make.

    Args:
        hidden_ND: (N, hidden) hidden states at the supervised positions.
        head: Maps hidden states to logits; its weight receives a gradient if it asks for one.
        targets_N: (N,) token ids.
        label_smoothing: Share of each target that is spread evenly over the vocabulary.
        is_compiled: Whether the element-wise work is compiled.
    """
    vocabulary = head.vocabulary or VocabularyPart(ALONE, 0, len(head.weight))
    mapping = Mapping(head.scale, head.softcap, label_smoothing, vocabulary)
    result: torch.Tensor = _LinearCrossEntropy.apply(  # type: ignore[no-untyped-call]
        hidden_ND, head.weight, head.bias, targets_N, mapping, is_compiled
    )
    return result


@dataclass(frozen=True)
class Mapping:
    """From products with the head's weight to the loss."""

    scale: float
    softcap: float | None
    label_smoothing: float
    vocabulary: VocabularyPart

    def logits(self, products: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | float]:
        """In float32, and their derivatives by the products."""
        logits = products.float() * self.scale if self.scale != 1.0 else products.float()
        if self.softcap is None:
            return logits, self.scale
        squashed = torch.tanh(logits / self.softcap)
        return squashed * self.softcap, (1 - squashed.square()) * self.scale

    def slopes(self, products_NV: torch.Tensor) -> tuple[torch.Tensor, Softmax]:
        """Of the loss by the products, as if no token were the target, times the softmax's denominators.

        Dividing the gradients instead, which are smaller, leaves one exponential and one pass over the logits.

        Returns:
            Slopes (N, vocabulary) in the dtype of the products.
        """
        logits_NV, derivatives_NV = self.logits(products_NV)
        size, ranks = self.vocabulary.size, self.vocabulary.group
        mean_N1 = ranks.sum_(logits_NV.sum(dim=-1, keepdim=True)) / size if self.label_smoothing else None
        shift_N1 = ranks.maximum_(logits_NV.amax(dim=-1, keepdim=True))
        slopes_NV = logits_NV.sub_(shift_N1).exp_()
        sums_N1 = ranks.sum_(slopes_NV.sum(-1, keepdim=True))
        if products_NV.dtype == torch.float16:  # of which the largest number is less than sums may be
            slopes_NV /= sums_N1
            shift_N1, sums_N1 = shift_N1 + sums_N1.log(), torch.ones_like(sums_N1)
        if self.label_smoothing:
            slopes_NV -= sums_N1 * (self.label_smoothing / size)
        if self.softcap is not None or self.scale != 1.0:
            slopes_NV *= derivatives_NV
        return slopes_NV.to(products_NV.dtype), Softmax(shift_N1, sums_N1, mean_N1)

    def places(self, targets_N: torch.Tensor, num_logits: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Where the targets' logits are among this rank's, any place for those of other ranks; and which are here,
        None for all."""
        if self.vocabulary.group.size == 1:
            return targets_N, None
        here_N = targets_N - self.vocabulary.start
        is_here_N = (here_N >= 0) & (here_N < num_logits)
        return here_N.where(is_here_N, 0), is_here_N

    def at_targets(self, products_N1: torch.Tensor, softmax: Softmax) -> tuple[torch.Tensor, torch.Tensor]:
        """Losses of the targets, and the slopes by their own products, as `slopes`, both (N, 1) in float32."""
        logits_N1, derivatives_N1 = self.logits(products_N1)
        own_share = 1 - self.label_smoothing * (1 - 1 / self.vocabulary.size)
        slopes_N1 = (logits_N1 - softmax.shifts).exp() - softmax.sums * own_share
        losses_N1 = softmax.sums.log() + softmax.shifts - logits_N1
        if softmax.means is not None:
            losses_N1 = losses_N1 + self.label_smoothing * (logits_N1 - softmax.means)
        return losses_N1, slopes_N1 * derivatives_N1


class Softmax(NamedTuple):
    """What is known of the softmax of some logits, each (N, 1) in float32."""

    shifts: torch.Tensor
    """Taken from the logits, so that no exponential is too large."""
    sums: torch.Tensor
    """Denominators: sums of the exponentials of the shifted logits."""
    means: torch.Tensor | None
    """Mean logit, with label smoothing."""


class _LinearCrossEntropy(torch.autograd.Function):
    """Cross-entropy of a linear layer, chunk by chunk; gradients are made in the forward pass.

    d loss / d logits = softmax(logits) - one_hot(target), of which smoothing spreads a share over all.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden_ND: torch.Tensor,
        weight_VD: torch.Tensor,
        bias_V: torch.Tensor | None,
        targets_N: torch.Tensor,
        mapping: Mapping,
        is_compiled: bool,
    ) -> torch.Tensor:
        needs_hidden, needs_weight, needs_bias = ctx.needs_input_grad[:3]
        num_targets = len(targets_N)
        chunk_tokens = TRAINED_CHUNK_TOKENS if needs_weight else CHUNK_TOKENS
        hidden_ND, targets_N = _filled(hidden_ND, targets_N, chunk_tokens if is_compiled else MULTIPLE_TOKENS)
        slopes_of = compiled(mapping.slopes) if is_compiled else mapping.slopes
        add = compiled(_add) if is_compiled else _add
        total = hidden_ND.new_zeros((), dtype=torch.float32)
        gradient_ND = torch.empty_like(hidden_ND) if needs_hidden else None
        gradient_VD = None
        gradient_V = torch.zeros_like(bias_V, dtype=torch.float32) if needs_bias and bias_V is not None else None
        for start in range(0, len(hidden_ND), chunk_tokens):
            rows = slice(start, start + chunk_tokens)
            num_real = max(0, min(chunk_tokens, num_targets - start))
            products_NV = torch.nn.functional.linear(hidden_ND[rows], weight_VD, bias_V)
            targets = targets_N[rows]
            places, are_here = mapping.places(targets, len(weight_VD))
            own_products_N1 = products_NV.gather(1, places[:, None])
            if are_here is not None:
                own_products_N1 = mapping.vocabulary.group.sum_(own_products_N1 * are_here[:, None])
            slopes_NV, softmax = slopes_of(products_NV)
            del products_NV  # as large as the slopes
            losses_N1, own_slopes_N1 = mapping.at_targets(own_products_N1, softmax)
            total += losses_N1[:num_real].sum()
            if not (needs_hidden or needs_weight or needs_bias):
                continue
            # Not scatter_, which took 60 times as long on a CPU.
            each = torch.arange(len(targets), device=targets.device)
            own_slopes_N = own_slopes_N1[:, 0].to(slopes_NV.dtype)
            if are_here is not None:
                own_slopes_N = own_slopes_N.where(are_here, slopes_NV[each, places])
            slopes_NV[each, places] = own_slopes_N
            slopes_NV[num_real:] = 0
            shares_N1 = softmax.sums.reciprocal()
            if gradient_V is not None:
                gradient_V += (slopes_NV * shares_N1).sum(0)
            if gradient_ND is not None:
                torch.mul(slopes_NV @ weight_VD, shares_N1, out=gradient_ND[rows])
            if needs_weight:
                part_VD = slopes_NV.T @ (hidden_ND[rows] * shares_N1).to(slopes_NV.dtype)
                # Sums over chunks are kept in float32; a bfloat16 sum would lose the small terms.
                if gradient_VD is None:
                    gradient_VD = part_VD.float()
                else:
                    add(gradient_VD, part_VD)
                del part_VD
            del slopes_NV  # both large, and not needed beside those of the next chunk
        gradient_ND = gradient_ND[:num_targets] if gradient_ND is not None else None
        ctx.save_for_backward(gradient_ND, gradient_VD, gradient_V)
        ctx.dtype = weight_VD.dtype
        ctx.is_compiled = is_compiled
        return total

    @staticmethod
    def backward(ctx: Any, *outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (factor,) = outputs
        gradient_ND, gradient_VD, gradient_V = ctx.saved_tensors
        # Of the weight's gradient alone the shape never changes, and only there is compiling worth it.
        scaled = compiled(_scaled) if ctx.is_compiled else _scaled
        return (
            None if gradient_ND is None else _scaled(gradient_ND, factor, ctx.dtype),
            None if gradient_VD is None else scaled(gradient_VD, factor, ctx.dtype),
            None if gradient_V is None else _scaled(gradient_V, factor, ctx.dtype),
            None,
            None,
            None,
        )


def _add(total: torch.Tensor, part: torch.Tensor) -> None:
    total.add_(part)


def _scaled(gradient: torch.Tensor, factor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return (gradient * factor).to(dtype)
