"""A trained classifier that is given texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from danlu.errors import UserError
from danlu.evaluation.classification.predicting import class_probabilities
from danlu.models.attention import DOCUMENT_ATTENTION, register_document_attention
from danlu.models.frame import Frame
from danlu.models.load import LoadedModel, load_for, load_tokenizer, read_config
from danlu.models.tasks import class_names, task_of


@dataclass(frozen=True)
class Classifier:
    """Tells the classes of texts.

    Args:
        loaded: With `DOCUMENT_ATTENTION`.
        length: Tokens that are read of a text, with its frame.
    """

    loaded: LoadedModel
    length: int

    @classmethod
    def load(cls, directory: Path) -> Classifier:
        """From a Hugging Face directory, in float32.

        Raises:
            UserError: it holds something else.
        """
        import torch

        config = read_config(directory)
        if task_of(config) != "classification":
            raise UserError(
                f"{directory.name} holds no classifier ({', '.join(config.get('architectures') or ['unknown'])}).",
                "Train one with: do: train, objective: classification (recipes/encoder-zh.yaml shows it).",
            )
        register_document_attention()
        model = load_for("classification", directory, dtype=torch.float32, attention=DOCUMENT_ATTENTION)
        return cls(LoadedModel(model, load_tokenizer(directory)), int(config["max_position_embeddings"]))

    @property
    def classes(self) -> list[str]:
        """In the order of the probabilities."""
        return class_names(self.loaded.model.config.to_dict())

    def read(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text as a model reads it, but for its length."""
        frame = Frame.of(self.loaded.tokenizer)
        return [frame.ids(self.loaded.tokenizer, text) for text in texts]

    def probabilities(
        self, documents: Sequence[Sequence[int]], advance: Callable[[int], None] = lambda num_documents: None
    ) -> npt.NDArray[np.float64]:
        """Shape (num_documents, num_classes).

        Args:
            documents: From `read`. One that is too long is cut as in training: its beginning and its last token.
            advance: Called with the number of documents after each pass.
        """
        cut = [
            np.array(ids if len(ids) <= self.length else [*ids[: self.length - 1], ids[-1]], np.int64)
            for ids in documents
        ]
        return class_probabilities(self.loaded.model, cut, advance)
