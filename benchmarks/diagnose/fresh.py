"""Other models, data, seeds and doses, run once the thresholds were settled."""

from __future__ import annotations

from benchmarks.diagnose.case import Case
from benchmarks.diagnose.chosen import SORTED
from benchmarks.diagnose.data import REVIEWS, labelled, reviews, snippets, spoilt_halfway, with_ranks

CHINESE = (
    f"text.from={REVIEWS}",
    "text.documents=lines",
    "text.include=[pos.txt, neg.txt]",
    "text.min_characters=10",
    "words.vocabulary_size=400",
    "blank.seed=107",
    "model.seed=107",
)
LLAMA = (
    "blank.architecture=llama",
    "blank.hidden_size=96",
    "blank.num_layers=6",
    "blank.num_heads=3",
    "blank.seed=108",
    "model.seed=108",
)

FRESH = (
    Case(
        "rate-high-2",
        "learning_rate_high",
        "text",
        "Chinese; AdamW at 0.1, constant",
        (*CHINESE, "model.optimizer.learning_rate=0.1", "model.schedule={kind: constant}"),
    ),
    Case(
        "rate-high-3",
        "learning_rate_high",
        "text",
        "a deeper Llama; Lion at 0.02",
        (*LLAMA, "model.optimizer={kind: lion, learning_rate: 0.02}"),
    ),
    Case(
        "rate-low-2",
        "learning_rate_low",
        "text",
        "Chinese; AdamW at 2e-6",
        (*CHINESE, "model.optimizer.learning_rate=2.0e-6"),
    ),
    Case(
        "exploding-2",
        "exploding_gradients",
        "text",
        "a deeper Llama, first weights thirty times too large",
        (*LLAMA, "blank.initial_std=0.6", "model.max_gradient_norm=1.0e9"),
    ),
    Case(
        "vanishing-2",
        "vanishing_gradients",
        "text",
        "Chinese; first weights too small, SGD without momentum",
        (*CHINESE, "blank.initial_std=1.0e-5", "model.optimizer={kind: sgd, learning_rate: 0.05, momentum: 0.0}"),
    ),
    Case(
        "diverged-2",
        "divergence",
        "continued",
        "a Llama; spoilt rows from three quarters on",
        (*SORTED, *LLAMA),
        data=spoilt_halfway(seed=107, good=0.75),
    ),
    Case(
        "over-fitted-2",
        "over_fitting",
        "text",
        "Chinese; a hundredth of the text, Muon",
        (
            *CHINESE,
            "text.split={validation: 0.02, test: 0.97, seed: 9}",
            "model.budget={steps: 400}",
            "model.optimizer={kind: muon, learning_rate: 3.0e-3, adamw_learning_rate: 3.0e-3}",
            "model.validate_every_steps=50",
        ),
    ),
    Case(
        "under-fitted-2",
        "under_fitting",
        "masked",
        "an encoder for 40 steps",
        ("model.budget={steps: 40}", "model.seed=109"),
    ),
    Case(
        "stalled-2",
        "data_stall",
        "text",
        "Chinese; every eighth batch half a second late",
        CHINESE,
        disturbance="stalling source",
    ),
    Case(
        "leaking-2", "memory_growth", "masked", "3 MiB of each step are kept", ("model.seed=109",), disturbance="leak"
    ),
    Case(
        "slow-rank-2",
        "slow_rank",
        "text",
        "times of eight ranks made up, one a quarter slower",
        ("model.budget={steps: 160}", "model.seed=110"),
        made_up=with_ranks(seed=107, ranks=8, slow=1.25),
    ),
    Case(
        "saturated-2",
        "saturated_attention",
        "text",
        "a deeper Llama; queries and keys learn 200 times as fast",
        (
            *LLAMA,
            "model.optimizer.groups=[{pattern: '*q_proj*', learning_rate_factor: 200},"
            " {pattern: '*k_proj*', learning_rate_factor: 200}]",
        ),
    ),
    Case(
        "noisy-labels-2",
        "label_noise",
        "classes",
        "a fifth of the labels is wrong",
        ("model.seed=111", "blank.seed=111"),
        data=labelled(snippets, seed=107, flipped=0.2),
    ),
    Case(
        "imbalanced-2",
        "class_imbalance",
        "classes",
        "five complaints of a hundred are kept",
        ("model.seed=111",),
        data=labelled(reviews, seed=107, rows=8000, kept=0.05),
    ),
    Case(
        "scratch-2",
        None,
        "text",
        "Chinese; Adam, polynomial",
        (
            *CHINESE,
            "model.optimizer={kind: adam, learning_rate: 2.0e-3}",
            "model.schedule={kind: linear, warmup_share: 0.02}",
        ),
    ),
    Case(
        "muon-2",
        None,
        "text",
        "a deeper Llama; Muon",
        (*LLAMA, "model.optimizer={kind: muon, learning_rate: 2.0e-3, adamw_learning_rate: 3.0e-3}"),
    ),
    Case(
        "adafactor-2",
        None,
        "text",
        "Chinese; Adafactor",
        (*CHINESE, "model.optimizer={kind: adafactor, learning_rate: 0.02}"),
    ),
    Case(
        "constant-2",
        None,
        "text",
        "a deeper Llama; a constant rate",
        (*LLAMA, "model.schedule={kind: constant}", "model.budget={steps: 500}", "model.validate_every_steps=50"),
    ),
    Case(
        "continued-2",
        None,
        "continued",
        "another seed, another rate",
        ("model.optimizer.learning_rate=5.0e-4", "model.seed=112", "model.schedule={kind: linear}"),
    ),
    Case(
        "lora-2",
        None,
        "chat",
        "rank 4, a constant rate",
        ("model.adapter.rank=4", "model.schedule={kind: constant}", "model.seed=112"),
    ),
    Case(
        "masked-2",
        None,
        "masked",
        "an encoder, cosine, dropout",
        (
            "model.regularisation={dropout: 0.1}",
            "model.schedule={kind: cosine}",
            "model.seed=112",
            "model.budget={steps: 400}",
        ),
    ),
    Case(
        "classifier-2",
        None,
        "classes",
        "eight thousand reviews",
        ("model.seed=112",),
        data=labelled(reviews, seed=112, rows=8000),
    ),
    Case(
        "uneven-2",
        None,
        "classes",
        "one complaint to two of praise",
        ("model.seed=113",),
        data=labelled(reviews, seed=113, kept=0.5),
    ),
    Case(
        "ramped-2",
        None,
        "text",
        "rows grow in number and length",
        (
            "model.batch={rows: 16, rows_at_once: 4, rows_ramp: {from: 4,"
            " over: 0.3}, length_ramp: {from: 32, over: 0.3}}",
            "model.seed=113",
        ),
    ),
    Case(
        "rate-high-3b",
        "learning_rate_high",
        "text",
        "eight layers; AdamW at 0.05, a constant rate",
        (*LLAMA, "blank.num_layers=8", "model.optimizer.learning_rate=0.05", "model.schedule={kind: constant}"),
    ),
    Case(
        "saturated-3",
        "saturated_attention",
        "text",
        "queries and keys learn 60 times as fast, another seed",
        (
            "blank.architecture=llama",
            "model.seed=114",
            "model.optimizer.groups=[{pattern: '*q_proj*', learning_rate_factor: 60},"
            " {pattern: '*k_proj*', learning_rate_factor: 60}]",
        ),
    ),
    Case(
        "constant-3",
        None,
        "text",
        "a Llama of eight layers, a constant rate, another seed",
        (
            *LLAMA,
            "blank.num_layers=8",
            "blank.seed=115",
            "model.seed=115",
            "model.schedule={kind: constant}",
            "model.optimizer.learning_rate=2.0e-3",
            "model.budget={steps: 500}",
            "model.validate_every_steps=50",
        ),
    ),
    Case(
        "shallow-3",
        None,
        "text",
        "two layers, four heads, a larger vocabulary",
        (
            "words.vocabulary_size=450",
            "blank.num_layers=2",
            "blank.num_heads=4",
            "blank.architecture=llama",
            "model.seed=116",
            "model.optimizer={kind: muon, learning_rate: 3.0e-3, adamw_learning_rate: 5.0e-3}",
        ),
    ),
)
