"""The released poet: does it keep the length of its lines, and do its files say what the trained model says?

200 poems are sampled in plain transformers from the exported Hugging Face directory, in float32, each after the title
of a held-out poem and a line feed, with the begin of text in front, as poems stand in the training data. Every token is
drawn at temperature 0.7 among the likeliest that make up 0.95, as ``danlu chat`` does by default, until the end of text
or for 256 tokens. `benchmarks.verse` says what a line is and when a poem keeps its length; a poem that does not is
counted as such for whatever reason, none is drawn again. The same is counted for the held-out poems themselves (all
keep it if the recipe reads regular verse only), and how many of the sampled lines stand in the corpus word for word.

Besides: the largest difference of any logit of transformers on that directory, in float32, from the trained model in
float64, on held-out poems; and the token ids of 10,000 lines of the corpus in llama.cpp, from the GGUF file, beside
those of the Hugging Face tokenizer, with what each puts in front.

    python -m benchmarks.prove_poet --workspace workspace --model poet

Without such a release the recipe is run first. One JSON line per figure; the last line counts those that met their bar.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.common import REPOSITORY, report, run_recipe
from benchmarks.prove_exports import MAX_LOGIT_DIFFERENCE, Row, logit_differences
from benchmarks.verse import FEWEST_LINES, Poem, line_length, lines_of, share_kept
from danlu.artifacts.corpus import read_documents
from danlu.artifacts.splits import SPLITS
from danlu.artifacts.store import Artifact, ArtifactStore
from danlu.compression.divergence import observe
from danlu.compression.llama_cpp import LlamaCpp
from danlu.compression.probe import make_probe
from danlu.errors import UserError
from danlu.models.frame import Frame
from danlu.models.load import load_causal_lm, load_model, load_tokenizer
from danlu.registry.registry import Registry
from danlu.settings import Workspace

RECIPE = REPOSITORY / "recipes" / "poet.yaml"
NUM_POEMS = 200
TEMPERATURE = 0.7
TOP_P = 0.95
MOST_TOKENS = 256
POEMS_AT_ONCE = 50
NUM_SHOWN = 10
NUM_LINES = 10_000
PROBE_TOKENS = 2000
MIN_SHARE = 0.9


@dataclass(frozen=True)
class Released:
    """What is looked at."""

    trained: Artifact
    corpus: Path
    hf: Path
    gguf: Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workspace", type=Path, default=REPOSITORY / "workspace")
    parser.add_argument("--model", default="poet", help="name of a released model, or NAME@VERSION")
    parser.add_argument("--poems", type=int, default=NUM_POEMS)
    parser.add_argument("--temperature", type=float, default=TEMPERATURE)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    workspace = Workspace.open(arguments.workspace)
    store = ArtifactStore(workspace.artifacts)
    released = find(workspace, store, arguments.model)
    held_out = read_held_out(released.corpus)
    chosen = held_out[: arguments.poems]
    titles = [text.partition("\n")[0] for text in chosen]
    poems = sample(released.hf, titles, temperature=arguments.temperature, seed=arguments.seed)
    show(titles, poems)

    rows: list[Row] = []
    for row in (
        Row.at_least("poems_that_keep_one_line_length", share_kept(poems), MIN_SHARE),
        Row.at_most("hf_max_logit_difference", logit_difference(released, store, held_out), MAX_LOGIT_DIFFERENCE),
        Row.at_least("gguf_lines_with_identical_token_ids", identical_lines(released), NUM_LINES),
    ):
        print(json.dumps(vars(row)), flush=True)
        rows.append(row)
    met = report(
        "prove_poet",
        sum(row.met for row in rows),
        len(rows),
        rows=[vars(row) for row in rows],
        trained=released.trained.id,
        training={key: released.trained.manifest.facts.get(key) for key in ("num_tokens_trained", "tokens_per_second")},
        num_poems=len(poems),
        temperature=arguments.temperature,
        top_p=TOP_P,
        most_tokens=MOST_TOKENS,
        seed=arguments.seed,
        **describe(poems, chosen, released.corpus),
        samples=[{"title": title, "poem": poem.text} for title, poem in zip(titles, poems, strict=True)][:NUM_SHOWN],
    )
    sys.exit(not met)


def find(workspace: Workspace, store: ArtifactStore, name: str) -> Released:
    """The released model's parts, out of its lineage; the recipe is run if it was never released."""
    try:
        version = Registry.open(workspace).resolve(name)
    except UserError:
        print(f"There is no {name} in {workspace.root}; running {RECIPE.name} first.", flush=True)
        run_recipe(RECIPE, workspace.root)
        version = Registry.open(workspace).resolve(name)
    parents = {parent.field: parent for parent in store.get(version.artifact_id).manifest.parents}
    (data,) = (parent for parent in store.get(parents["exports"].id).manifest.parents if parent.field == "data")
    (gguf,) = (path for export, path in version.exports.items() if export.startswith("gguf"))
    return Released(store.get(parents["model"].id), store.get(data.id).path, version.exports["hf"], gguf)


def read_held_out(corpus: Path) -> list[str]:
    """The poems of the test split in the order of their ids, which are as good as random."""
    rows = [row for batch in read_documents(corpus, "test") for row in batch.select(["id", "text"]).to_pylist()]
    return [row["text"] for row in sorted(rows, key=lambda row: str(row["id"]))]


def sample(directory: Path, titles: list[str], *, temperature: float, seed: int) -> list[Poem]:
    """A poem for each title."""
    tokenizer = load_tokenizer(directory)
    model = load_causal_lm(directory, dtype=torch.float32)
    frame = Frame.of(tokenizer)
    (end,) = frame.end
    torch.manual_seed(seed)
    poems = []
    for first in range(0, len(titles), POEMS_AT_ONCE):
        prompts = [
            [*frame.start, *tokenizer(f"{title}\n", add_special_tokens=False).input_ids]
            for title in titles[first : first + POEMS_AT_ONCE]
        ]
        longest = max(map(len, prompts))
        # Padded on the left, so that every poem begins at the same position.
        ids_BT = torch.tensor([[end] * (longest - len(prompt)) + prompt for prompt in prompts], device=model.device)
        mask_BT = torch.tensor(
            [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=model.device
        )
        with torch.inference_mode():
            output_BT = model.generate(
                input_ids=ids_BT,
                attention_mask=mask_BT,
                do_sample=True,
                temperature=temperature,
                top_p=TOP_P,
                top_k=0,
                max_new_tokens=MOST_TOKENS,
                eos_token_id=end,
                pad_token_id=end,
            )
        for ids in output_BT[:, longest:].tolist():
            is_whole = end in ids
            poems.append(Poem(tokenizer.decode(ids[: ids.index(end)] if is_whole else ids), is_whole))
    return poems


def show(titles: list[str], poems: list[Poem]) -> None:
    """Print the first few."""
    for title, poem in list(zip(titles, poems, strict=True))[:NUM_SHOWN]:
        print(f"\n[{line_length(poem) or 'broken'}] {title}\n{poem.text}", flush=True)
    print()


def describe(poems: list[Poem], held_out: list[str], corpus: Path) -> dict[str, Any]:
    """What else is to be known about the poems: how they fail, real ones beside them, lines that are not new."""
    real = [Poem(text.partition("\n")[2], is_whole=True) for text in held_out]
    known = {
        line
        for split in SPLITS
        for batch in read_documents(corpus, split)
        for text in batch.column("text").to_pylist()
        for line in lines_of(Poem(text, is_whole=True))
    }
    lines = [line for poem in poems for line in lines_of(poem)]
    return {
        "poems_by_line_length": dict(Counter(str(line_length(poem)) for poem in poems)),
        "poems_cut_off": sum(not poem.is_whole for poem in poems),
        "poems_with_too_few_lines": sum(len(lines_of(poem)) < FEWEST_LINES for poem in poems),
        "share_among_real_held_out_poems": share_kept(real),
        "lines": len(lines),
        "share_of_lines_that_stand_in_the_corpus": sum(line in known for line in lines) / len(lines),
    }


def logit_difference(released: Released, store: ArtifactStore, held_out: list[str]) -> float:
    """Largest difference of any logit of plain transformers in float32 from the trained model in float64."""
    exact = load_model(released.trained, store, dtype=torch.float64)
    probe = make_probe(
        exact.tokenizer,
        held_out,
        origin="held-out poems",
        num_tokens=PROBE_TOKENS,
        context=int(exact.model.config.max_position_embeddings),
    )
    (difference,) = logit_differences(released.hf, [observe(exact.model, probe.rows)], probe)
    return difference


def identical_lines(released: Released) -> int:
    """How many of `NUM_LINES` lines, chosen at random from the corpus, have the same token ids in llama.cpp."""
    texts = [text for batch in read_documents(released.corpus, "train") for text in batch.column("text").to_pylist()]
    order = np.random.default_rng(0).permutation(len(texts))
    lines: list[str] = []
    for place in order:
        lines += texts[place].split("\n")
        if len(lines) >= NUM_LINES:
            break
    tokenizer, engine = load_tokenizer(released.hf), LlamaCpp(released.gguf, context=512)
    return sum(
        engine.tokenise(line, add_special=True) == ids
        for line, ids in zip(lines[:NUM_LINES], tokenizer(lines[:NUM_LINES]).input_ids, strict=True)
    )


if __name__ == "__main__":
    main()
