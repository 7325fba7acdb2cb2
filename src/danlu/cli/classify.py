"""``danlu classify``"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from danlu.settings import DEFAULT_WORKSPACE

if TYPE_CHECKING:
    from danlu.evaluation.classification.classifier import Classifier

TEXTS_AT_ONCE = 512


def classify(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A released classifier (reviews-zh, reviews-zh@2) or a Hugging Face directory."
        ),
    ],
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT]...", help="Without any, each line of standard input is one.")
    ] = None,
    workspace: Annotated[Path, typer.Option(metavar="DIR", help="Where released models are kept.")] = DEFAULT_WORKSPACE,
    as_json: Annotated[
        bool, typer.Option("--json", help="One line of JSON for each text, with the probabilities of all classes.")
    ] = False,
) -> None:
    """Name the class of each text, and how probable it is.

    A line for each text, in their order: class, probability, text, with tabs between them. Of a text that is longer
    than the classifier reads, the beginning counts; standard error says how many there were.
    """
    from danlu.cli.lines import piped, typed
    from danlu.evaluation.classification.classifier import Classifier

    classifier = Classifier.load(_directory(name, workspace))
    if texts or not sys.stdin.isatty():
        num_cut = sum(_name_classes(classifier, part, as_json) for part in _parts(texts or piped()))
    else:
        typer.echo(f"{name} tells {', '.join(classifier.classes)} apart. Type a text; Ctrl-D ends it.", err=True)
        num_cut = sum(_name_classes(classifier, [text], as_json) for text in typed())
    if num_cut:
        typer.echo(
            f"{num_cut:,} texts are longer than the {classifier.length} tokens that are read; their beginning was.",
            err=True,
        )


def _directory(name: str, workspace: Path) -> Path:
    from danlu.errors import UserError
    from danlu.serving.lookup import find_model

    directory = find_model(name, workspace).hf
    if directory is None:
        raise UserError(
            f"{name} comes as a GGUF file only, and classifiers are read from Hugging Face directories.",
            "Export it with formats: [hf].",
        )
    return directory


def _parts(texts: Iterable[str]) -> Iterator[list[str]]:
    left = iter(texts)
    while part := list(islice(left, TEXTS_AT_ONCE)):
        yield part


def _name_classes(classifier: Classifier, texts: list[str], as_json: bool) -> int:
    """Print a line for each text; how many were too long."""
    from danlu.cli.lines import flat
    from danlu.cli.output import print_json

    classes, documents = classifier.classes, classifier.read(texts)
    for text, ids, row in zip(texts, documents, classifier.probabilities(documents).tolist(), strict=True):
        best = max(range(len(row)), key=row.__getitem__)
        if as_json:
            print_json(
                {
                    "text": text,
                    "label": classes[best],
                    "probability": row[best],
                    "probabilities": dict(zip(classes, row, strict=True)),
                    "is_cut": len(ids) > classifier.length,
                }
            )
        else:
            typer.echo(f"{flat(classes[best])}\t{row[best]:.3f}\t{flat(text)}")
    return sum(len(ids) > classifier.length for ids in documents)
