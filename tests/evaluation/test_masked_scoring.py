"""An encoder's score of a document is what plain transformers gives for the same hidden tokens, one group at a time."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
import torch

from danlu.evaluation.classification.predicting import class_probabilities
from danlu.evaluation.masked import NUM_FOLDS, masked_scorer
from danlu.evaluation.rows import Row
from danlu.models.masking import fold
from encoder_toys import MASK, make_documents, make_encoder, mask_vocabulary

STORE = make_documents([40, 9, 23, 3, 100])


def documents() -> list[np.ndarray]:
    return [
        STORE.input_ids(int(start), int(end))
        for start, end in zip(STORE.document_offsets[:-1], STORE.document_offsets[1:], strict=True)
    ]


@pytest.mark.parametrize("number", range(5))
def test_each_token_is_guessed_once(number: int) -> None:
    ids, vocabulary = documents()[number], mask_vocabulary()
    row = Row("abc", ids.astype(np.int32), vocabulary.is_ordinary[ids])
    plain = make_encoder("masked_lm", plain=True)
    expected = 0.0
    generator = np.random.default_rng([4, zlib.crc32(b"abc")])
    for group in fold(ids, vocabulary, NUM_FOLDS, generator):
        seen = ids.copy()
        seen[group] = MASK
        with torch.no_grad():
            losses = -plain(input_ids=torch.from_numpy(seen)[None]).logits[0].log_softmax(-1)
        expected += float(losses[torch.from_numpy(group), torch.from_numpy(ids[group])].sum())
    assert masked_scorer(make_encoder("masked_lm"), vocabulary, 4)(row) == pytest.approx(expected, rel=1e-5)


def test_classes_of_packed_documents_are_those_of_each_alone() -> None:
    found = class_probabilities(make_encoder("classification"), documents() * 12)
    plain = make_encoder("classification", plain=True)
    with torch.no_grad():
        expected = [plain(input_ids=torch.from_numpy(ids)[None]).logits[0].softmax(-1).numpy() for ids in documents()]
    np.testing.assert_allclose(found, np.stack(expected * 12), rtol=1e-4)
