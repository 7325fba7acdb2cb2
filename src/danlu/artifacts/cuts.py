"""``cuts.parquet``, in a corpus: the lines, paragraphs and passages that were taken out of documents, since they stand
elsewhere too, in the order of the sources. In documents that were left out afterwards, too."""

from __future__ import annotations

import pyarrow as pa

NAME = "cuts.parquet"
CUTS_SCHEMA = pa.schema(
    [
        ("id", pa.string()),  # of the document as it is now; as it was if it is left out
        ("id_before", pa.string()),  # of the document as it was, which is what personal.parquet names it by
        ("source", pa.string()),
        ("row", pa.int64()),
        ("start", pa.int64()),  # first character in the text as it was
        ("end", pa.int64()),  # the character behind the last
        ("kind", pa.string()),  # line, paragraph or substring
        ("first_id", pa.string()),  # the document where it stands first, which keeps it
        ("first_source", pa.string()),
        ("first_row", pa.int64()),
        ("first_start", pa.int64()),  # where it begins there, in the text as it was
        ("similarity", pa.float64()),  # 1: equal, lines and paragraphs as far as Unicode normalisation makes them so
        ("text", pa.string()),  # its beginning
    ]
)
