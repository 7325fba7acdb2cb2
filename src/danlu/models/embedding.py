"""Embeddings of texts by an encoder: the mean of the last hidden states over the tokens of a text, of length one.

As sentence-transformers computes them where its model has mean pooling and normalisation, which most have.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from danlu.errors import UserError
from danlu.models.load import is_adapter, load_tokenizer, read_config
from danlu.models.tasks import ENCODERS, is_encoder

TEXTS_AT_ONCE = 32
CHARACTERS_A_TOKEN = 16
"""Texts are cut to so many characters for each token that may be taken, so that long ones are not encoded in vain."""

Embeddings = npt.NDArray[np.float32]


class Embedder:
    """A loaded encoder, in float32.

    Args:
        directory: Of the model: ``config.json``, safetensors and a tokenizer.
        max_tokens: Of a text as many are seen, from its beginning; fewer if the model sees fewer.

    Raises:
        UserError: the model is no encoder.
    """

    def __init__(self, directory: Path, max_tokens: int) -> None:
        from transformers import AutoModel
        from transformers.utils import logging

        if is_adapter(directory):
            raise UserError("An adapter alone gives no embeddings.", "Take a whole encoder, such as all-MiniLM-L6-v2.")
        config = read_config(directory)
        if not is_encoder(config):
            raise UserError(
                f"A {config.get('model_type')!r} model gives no embeddings: it is no encoder.",
                f"Take an encoder ({', '.join(ENCODERS)}), for example all-MiniLM-L6-v2.",
            )
        self._tokenizer = load_tokenizer(directory)
        logging.disable_progress_bar()  # it would cut through the run's own progress
        verbosity = logging.get_verbosity()
        logging.set_verbosity_error()  # a table of the weights of heads, which embeddings do not need
        try:
            model: Any = AutoModel.from_pretrained(
                str(directory),
                add_pooling_layer=False,
                dtype="float32",
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
            )
        finally:
            logging.set_verbosity(verbosity)
        self._model = model.eval()
        self._max_tokens = min(max_tokens, int(config["max_position_embeddings"]))
        self.size: int = int(config["hidden_size"])

    def embed(self, texts: Sequence[str]) -> Embeddings:
        """Shape (texts, hidden size). Texts of about the same length are computed together."""
        found = np.zeros((len(texts), self.size), np.float32)
        order = sorted(range(len(texts)), key=lambda place: (len(texts[place]), place))
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            places = order[start : start + TEXTS_AT_ONCE]
            found[places] = self._of([texts[place][: CHARACTERS_A_TOKEN * self._max_tokens] for place in places])
        return found

    def _of(self, texts: list[str]) -> Embeddings:
        import torch

        inputs = self._tokenizer(texts, padding=True, truncation=True, max_length=self._max_tokens, return_tensors="pt")
        with torch.inference_mode():
            states_BTD = self._model(**inputs).last_hidden_state
            mask_BT1 = inputs["attention_mask"][:, :, None].to(states_BTD.dtype)
            means_BD = (states_BTD * mask_BT1).sum(1) / mask_BT1.sum(1).clamp(min=1)
            normalised: Embeddings = torch.nn.functional.normalize(means_BD, dim=1).numpy()
        return normalised
