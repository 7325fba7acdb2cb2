"""What every test may ask for: a tiny model and tokenizer, an empty workspace, and real sources kept in a cache.

Inside a pytest-xdist worker each process computes on one thread, so that workers do not take each other's cores.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from danlu.settings import Workspace
from danlu.telemetry.reporter import Reporter

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

    from danlu.artifacts.stage import Source

if "PYTEST_XDIST_WORKER" in os.environ:
    # Before torch is imported; child processes inherit it.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# A shell without job control starts what runs in the background with Ctrl-C ignored, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

REPOSITORY = Path(__file__).resolve().parent.parent
# The measurements are not installed; what they rest on is tested too.
sys.path.insert(0, str(REPOSITORY))
sys.path.insert(0, str(REPOSITORY / "tests" / "pipeline"))  # the toy stages

SHARED_CACHE = Path(os.environ.get("DANLU_CACHE") or REPOSITORY / ".cache" / "danlu").expanduser().resolve()

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

TRAINING_TEXT = [
    "system user assistant What is the capital of France? The capital of France is Paris.",
    "Describe the process of making crepes. First mix the flour, the milk and two eggs; then wait for 30 minutes.",
    "An alchemist's furnace turns raw material into something precious, slowly, at a steady temperature.",
    "The quick brown fox jumps over the lazy dog, and the dog does not mind that the fox is quick.",
    "def add(a, b):\n    return a + b\n\nprint(add(2, 3))  # 5",
    "丹炉把原始数据炼成模型。法国的首都是巴黎。",
]


def pytest_collection_finish() -> None:
    """What has been imported stays, so that collecting garbage, as each training does, need not look at it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def tiny_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face directory of a random Llama: float32, 2 layers, hidden 32, 4 heads on 2 key-value heads,
    vocabulary 400, context 512, output weights not tied; with a byte-level BPE tokenizer that has a ChatML template.

    Read only: it is shared by all tests of a process.
    """
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    directory = tmp_path_factory.mktemp("tiny") / "tiny-llama"
    tokenizer = _train_tokenizer()
    tokenizer.save_pretrained(directory)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        # Wide enough that the logits of the random model differ visibly.
        initializer_range=0.1,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=False,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        LlamaForCausalLM(config).save_pretrained(directory)
    return directory


@pytest.fixture(scope="session")
def tiny_base_dir(tiny_model_dir: Path) -> Path:
    """The same model without a chat template: one that goes on with texts."""
    directory = tiny_model_dir.with_name("tiny-base")
    shutil.copytree(tiny_model_dir, directory)
    (directory / "chat_template.jinja").unlink()
    return directory


@pytest.fixture(scope="session")
def tiny_tokenizer(tiny_model_dir: Path) -> PreTrainedTokenizerFast:
    """The tokenizer of `tiny_model_dir`."""
    from transformers import AutoTokenizer

    tokenizer: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(tiny_model_dir)
    return tokenizer


@pytest.fixture
def tiny_model(tiny_model_dir: Path) -> LlamaForCausalLM:
    """The model of `tiny_model_dir`, loaded afresh for each test, in evaluation mode."""
    from transformers import LlamaForCausalLM

    model: LlamaForCausalLM = LlamaForCausalLM.from_pretrained(tiny_model_dir)
    return model.eval()


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """An empty workspace with a cache of its own."""
    monkeypatch.delenv("DANLU_CACHE", raising=False)
    return Workspace.open(tmp_path / "workspace")


class RecordingReporter(Reporter):
    """A reporter that keeps what it was told, for tests to look at."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        super().__init__([self])

    def on_event(self, event: dict[str, Any]) -> None:
        self.events.append(event)

    def on_progress(self, task: Any) -> None:
        """Progress is not kept."""

    @property
    def warnings(self) -> list[str]:
        return [event["message"] for event in self.events if event["event"] == "warning"]

    @property
    def messages(self) -> list[str]:
        return [event["message"] for event in self.events if event["event"] == "message"]


@pytest.fixture
def reporter() -> RecordingReporter:
    """A reporter whose ``events``, ``warnings`` and ``messages`` a test can read."""
    return RecordingReporter()


@pytest.fixture(scope="session")
def shared_cache() -> Path:
    """Where real sources are kept between test runs (``DANLU_CACHE``, or ``.cache/danlu`` in the repository)."""
    return SHARED_CACHE


@pytest.fixture(scope="session")
def real_source(shared_cache: Path) -> Callable[[str], Source]:
    """``real_source(uri)``: the source on this machine, fetched on first use. Only for tests marked ``real``."""
    from danlu.sources.fetch import fetch

    return lambda uri: fetch(uri, cache=shared_cache, reporter=Reporter())


def _train_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE with digits split one by one, as SmolLM2 has it, trained on a few sentences."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(TRAINING_TEXT, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        unk_token="<|endoftext|>",
        model_max_length=512,
        clean_up_tokenization_spaces=False,
        chat_template=CHAT_TEMPLATE,
    )


@pytest.fixture
def toy_cli(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str, str]]:
    """``toy_cli("run", "recipe.yaml")``: exit status, stdout and stderr, in an empty directory with a toy recipe."""
    import toys

    from danlu.cli.main import run_cli
    from danlu.pipeline.stages import STAGES

    for do, stage in toys.TABLE.items():
        monkeypatch.setitem(STAGES, do, stage)  # type: ignore[arg-type]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("DANLU_CACHE", raising=False)
    (tmp_path / "recipe.yaml").write_text(toys.RECIPE, encoding="utf-8")

    def call(*arguments: str) -> tuple[int, str, str]:
        status = run_cli(list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return status, out, err

    return call
