"""A few short documents out of many, so that a check takes seconds: cut, but real, and rows still share documents."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from danlu.artifacts.tokens import TokenStore

MOST_DOCUMENTS = 4
"""Of a packed row."""
SHARE_OF_ROW = 0.75
"""To which documents of a corpus are cut at most: rows that are cut out of them then begin and end anywhere in them."""

Places = npt.NDArray[np.int64]
"""Of tokens in the store."""


def small_store(store: TokenStore, *, length: int, num_rows: int) -> TokenStore:
    """About `num_rows` rows of at most `length` tokens; of packed ones those with the most documents."""
    if store.num_documents == 0:
        return store
    if store.row_offsets is None:
        return _with(store, _of_corpus(store, length, num_rows), None)
    counts = np.diff(store.row_offsets)
    documents: dict[int, Places] = {}
    per_row = []
    for row in np.argsort(-counts, kind="stable")[:num_rows]:
        chosen = range(int(store.row_offsets[row]), int(store.row_offsets[row + 1]))[:MOST_DOCUMENTS]
        documents |= {document: _around_answer(store, document, length // len(chosen)) for document in chosen}
        per_row.append(len(chosen))
    return _with(store, documents, np.cumsum([0, *per_row], dtype=np.int64))


def _of_corpus(store: TokenStore, length: int, num_rows: int) -> dict[int, Places]:
    """Evenly out of all documents, so that of classes that lie one behind the other all are there."""
    lengths = store.document_lengths
    candidates = np.flatnonzero(lengths >= 2) if np.any(lengths >= 2) else np.arange(len(lengths))
    most = max(2, int(SHARE_OF_ROW * length))
    mean = float(np.minimum(lengths[candidates], most).mean())
    count = min(len(candidates), -int(-num_rows * length // mean))
    chosen = candidates[np.linspace(0, len(candidates) - 1, count).astype(np.int64)]
    return {int(document): _beginning_and_end(store, int(document), most) for document in chosen}


def _beginning_and_end(store: TokenStore, document: int, most: int) -> Places:
    """The first tokens and the last, which may be one that ends documents."""
    start, end = (int(offset) for offset in store.document_offsets[document : document + 2])
    places = np.arange(start, min(end, start + most))
    places[-1] = end - 1
    return places


def _around_answer(store: TokenStore, document: int, most: int) -> Places:
    """Tokens in a row, from a little before the first supervised one."""
    start, end = (int(offset) for offset in store.document_offsets[document : document + 2])
    first = 0 if store.supervised is None else int(np.argmax(store.supervised[start:end]))
    begin = start + max(0, min(first - most // 4, end - start - most))
    return np.arange(begin, min(end, begin + most))


def _with(store: TokenStore, documents: dict[int, Places], row_offsets: npt.NDArray[np.int64] | None) -> TokenStore:
    """Only these documents, of each only these tokens."""
    chosen, parts = np.array(list(documents)), list(documents.values())
    places = np.concatenate(parts)
    offsets = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    supervised = None if store.supervised is None else np.asarray(store.supervised)[places]
    if supervised is not None:
        supervised[offsets[:-1]] = False  # nothing precedes the first token
    return TokenStore(
        shards=[np.concatenate([_input_ids(store, part) for part in parts])],
        document_offsets=offsets,
        supervised=supervised,
        row_offsets=row_offsets,
        word_starts=None if store.word_starts is None else np.asarray(store.word_starts)[places],
        labels=None if store.labels is None else np.asarray(store.labels)[chosen],
        scores=None if store.scores is None else np.asarray(store.scores)[chosen],
    )


def _input_ids(store: TokenStore, places: Places) -> npt.NDArray[np.uint32]:
    first = int(places[0])
    ids: npt.NDArray[np.uint32] = store.input_ids(first, int(places[-1]) + 1)[places - first].astype(np.uint32)
    return ids
