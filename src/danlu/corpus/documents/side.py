"""Documents of one side of the split, on their way into shards."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa

from danlu.artifacts.corpus import DOCUMENT_SCHEMA, CorpusWriter, text_bytes
from danlu.corpus.documents.document import Document

DOCUMENTS_PER_BATCH = 4096
CHARACTERS_PER_BATCH = 2**22
"""A batch is handed to the writer when it has this many documents or characters."""


class Side:
    """Puts documents into batches for one split, and counts them."""

    def __init__(self, split: str, writer: CorpusWriter) -> None:
        self.num_documents = 0
        self.num_characters = 0
        self.num_bytes = 0
        """UTF-8 bytes of all texts."""
        self.num_by_label: Counter[str] = Counter()
        """Documents."""
        self._split = split
        self._writer = writer
        self._pending: list[Document] = []
        self._characters_pending = 0

    def add(self, document: Document) -> None:
        self._pending.append(document)
        self._characters_pending += len(document.text)
        if document.label is not None:
            self.num_by_label[document.label] += 1
        if len(self._pending) >= DOCUMENTS_PER_BATCH or self._characters_pending >= CHARACTERS_PER_BATCH:
            self.flush()

    def flush(self) -> None:
        """Hand over what is pending."""
        columns = [[getattr(document, name) for document in self._pending] for name in DOCUMENT_SCHEMA.names]
        batch = pa.record_batch(
            [pa.array(column, field.type) for column, field in zip(columns, DOCUMENT_SCHEMA, strict=True)],
            schema=DOCUMENT_SCHEMA,
        )
        self._writer.write(self._split, batch)
        self.num_documents += batch.num_rows
        self.num_characters += self._characters_pending
        self.num_bytes += text_bytes(batch)
        self._pending, self._characters_pending = [], 0
