"""The objective against transformers' own loss, for models inside and outside transformers' attention interface."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from danlu.errors import UserError
from danlu.models.attention import DOCUMENT_ATTENTION
from danlu.training.batches import micro_batch
from danlu.training.objectives.next_token import supervised_cross_entropy
from danlu.training.rows.packed import PackedRows
from danlu.training.setup import attention_for
from packed_rows import make_store, rows_of

VOCABULARY = 99
SMALL: dict[str, dict[str, Any]] = {
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4},
    "gptj": {"n_embd": 32, "n_layer": 2, "n_head": 4, "rotary_dim": 4, "n_positions": 64},
    "gpt_neo": {"hidden_size": 32, "num_layers": 2, "num_heads": 4, "attention_types": [[["global", "local"], 1]]},
    "mpt": {"d_model": 32, "n_layers": 2, "n_heads": 4},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64},
    "phi": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64},
}
OUTSIDE = ("bloom", "gptj", "gpt_neo", "mpt")
ALONE = make_store([[40], [7]], vocabulary=VOCABULARY)
"""One document in a row, as ``packing: none`` lays them out."""


def make_config(model_type: str) -> Any:
    return AutoConfig.for_model(model_type, vocab_size=VOCABULARY, **SMALL[model_type])


@pytest.mark.parametrize("model_type", SMALL)
def test_equals_the_loss_transformers_computes(model_type: str) -> None:
    config = make_config(model_type)
    attention = attention_for(config, PackedRows(ALONE, 0), rows_at_once=1)
    assert attention == (None if model_type in OUTSIDE else DOCUMENT_ATTENTION)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(copy.deepcopy(config), attn_implementation=attention).eval()
    plain = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    plain.load_state_dict(model.state_dict())
    for row in rows_of(ALONE):
        ids = torch.from_numpy(row.input_ids)[None]
        labels = torch.where(torch.from_numpy(row.supervised)[None], ids, -100)
        with torch.no_grad():
            expected = plain(input_ids=ids, labels=labels, use_cache=False).loss * int(row.supervised.sum())
            loss = supervised_cross_entropy(model, micro_batch([row]))
        torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("model_type", OUTSIDE)
def test_models_that_cannot_keep_documents_apart_are_refused_packed_rows(model_type: str) -> None:
    with pytest.raises(UserError, match="cannot keep packed documents apart"):
        attention_for(make_config(model_type), PackedRows(make_store([[5, 5]]), 0), rows_at_once=1)
    with pytest.raises(UserError, match="cannot keep packed documents apart"):
        attention_for(make_config(model_type), PackedRows(ALONE, 0), rows_at_once=2)
