"""The table of stages: what may stand behind ``do:`` and where it is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from danlu.artifacts.stage import Stage, StageConfig


@dataclass(frozen=True)
class StageType:
    """Where one kind of stage lies. Both modules are imported on first use, so that a recipe is checked quickly."""

    config_path: str
    """``module:class`` of the settings; imports nothing heavy."""
    module: str
    """The stage itself (see `danlu.artifacts.stage.Stage`); may import torch."""

    def config_class(self) -> type[StageConfig]:
        module, _, name = self.config_path.partition(":")
        return cast(type[StageConfig], getattr(import_module(module), name))

    def load(self) -> Stage:
        return cast(Stage, import_module(self.module))


StageTable = Mapping[str, StageType]

STAGES: StageTable = {
    "import": StageType("danlu.importing.config:ImportConfig", "danlu.importing.stage"),
    "initialize": StageType("danlu.initializing.config:InitializeConfig", "danlu.initializing.stage"),
    "clean": StageType("danlu.corpus.config:CleanConfig", "danlu.corpus.stage"),
    "train_scorer": StageType("danlu.corpus.scoring.config:TrainScorerConfig", "danlu.corpus.scoring.stage"),
    "train_tokenizer": StageType(
        "danlu.tokens.vocabulary.config:TrainTokenizerConfig", "danlu.tokens.vocabulary.stage"
    ),
    "tokenize": StageType("danlu.tokens.config:TokenizeConfig", "danlu.tokens.stage"),
    "train": StageType("danlu.training.config:TrainConfig", "danlu.training.stage"),
    "evaluate": StageType("danlu.evaluation.config:EvaluateConfig", "danlu.evaluation.stage"),
    "export": StageType("danlu.compression.config:ExportConfig", "danlu.compression.stage"),
    "release": StageType("danlu.release.config:ReleaseConfig", "danlu.release.stage"),
}
