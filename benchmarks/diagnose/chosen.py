"""The set on which the thresholds of `danlu diagnose` were chosen."""

from __future__ import annotations

from benchmarks.diagnose.case import Case
from benchmarks.diagnose.data import labelled, reviews, snippets, spoilt_halfway, with_ranks

SORTED = (
    "chats.text=null",
    "chats.score=part",
    "chats.split={seed: 7}",
    "model.validate_every_steps=null",
    "model.curriculum={by: score, start: 0.0, pacing: linear}",
    "model.budget={epochs: 1}",
)

CHOSEN = (
    Case("rate-high", "learning_rate_high", "text", "AdamW at 0.3", ("model.optimizer.learning_rate=0.3",)),
    Case(
        "rate-high-continued",
        "learning_rate_high",
        "continued",
        "a trained model goes on at 0.2",
        ("model.optimizer.learning_rate=0.2",),
    ),
    Case("rate-low", "learning_rate_low", "text", "AdamW at 3e-7", ("model.optimizer.learning_rate=3.0e-7",)),
    Case(
        "exploding",
        "exploding_gradients",
        "text",
        "first weights fifty times too large, gradients not clipped",
        ("blank.architecture=llama", "blank.initial_std=1.0", "model.max_gradient_norm=1.0e9"),
    ),
    Case(
        "vanishing",
        "vanishing_gradients",
        "text",
        "first weights a thousand times too small, SGD",
        ("blank.initial_std=2.0e-5", "model.optimizer={kind: sgd, learning_rate: 0.1}"),
    ),
    Case(
        "diverged",
        "divergence",
        "continued",
        "spoilt rows from the middle on",
        SORTED,
        data=spoilt_halfway(seed=7, good=0.6),
    ),
    Case(
        "over-fitted",
        "over_fitting",
        "text",
        "a hundredth of the text, some thirty epochs",
        (
            "text.split={validation: 0.03, test: 0.96, seed: 7}",
            "model.budget={steps: 400}",
            "model.optimizer.learning_rate=1.0e-2",
            "model.validate_every_steps=40",
        ),
    ),
    Case("under-fitted", "under_fitting", "text", "a budget of twelve steps", ("model.budget={steps: 12}",)),
    Case(
        "under-fitted-narrow",
        "under_fitting",
        "text",
        "a model of one layer, eight units wide",
        (
            "blank.hidden_size=8",
            "blank.num_layers=1",
            "blank.head_size=4",
            "blank.intermediate_size=16",
            "model.budget={steps: 200}",
        ),
    ),
    Case("stalled", "data_stall", "text", "each batch 60 ms late", ("model.seed=18",), disturbance="slow source"),
    Case("leaking", "memory_growth", "text", "3 MiB of each step are kept", ("model.seed=17",), disturbance="leak"),
    Case(
        "slow-rank",
        "slow_rank",
        "text",
        "times of four ranks made up, one a third slower",
        ("model.budget={steps: 120}",),
        made_up=with_ranks(seed=7, ranks=4, slow=1.35),
    ),
    Case(
        "saturated",
        "saturated_attention",
        "text",
        "queries and keys learn 100 times as fast as the rest",
        (
            "blank.architecture=llama",
            "model.optimizer.groups=[{pattern: '*q_proj*', learning_rate_factor: 100},"
            " {pattern: '*k_proj*', learning_rate_factor: 100}]",
        ),
    ),
    Case(
        "noisy-labels",
        "label_noise",
        "classes",
        "three labels of ten are wrong",
        (),
        data=labelled(snippets, seed=7, flipped=0.3),
    ),
    Case(
        "imbalanced",
        "class_imbalance",
        "classes",
        "three complaints of a hundred are kept",
        (),
        data=labelled(reviews, seed=7, rows=8000, kept=0.03),
    ),
    Case("scratch", None, "text", "AdamW, cosine", ("model.seed=21", "model.budget={steps: 400}")),
    Case(
        "muon",
        None,
        "text",
        "Muon, level then a decay; a Llama",
        (
            "blank.architecture=llama",
            "model.optimizer={kind: muon, learning_rate: 3.0e-3, adamw_learning_rate: 6.0e-3}",
            "model.schedule={kind: wsd, warmup_share: 0.05, decay_share: 0.3}",
        ),
    ),
    Case(
        "long",
        None,
        "text",
        "six hundred steps, linear, weight decay",
        (
            "model.budget={steps: 600}",
            "model.schedule={kind: linear}",
            "model.optimizer.weight_decay=0.1",
            "model.validate_every_steps=100",
        ),
    ),
    Case("continued", None, "continued", "a trained model goes on with other texts"),
    Case("lora", None, "chat", "instructions with an adapter of rank 8"),
    Case("short-lora", None, "chat", "the same for thirty steps", ("model.budget={steps: 30}",)),
    Case("masked", None, "masked", "an encoder guesses hidden tokens"),
    Case("classifier", None, "classes", "an encoder tells two classes apart", data=labelled(reviews, seed=7)),
    Case(
        "schedule-free",
        None,
        "text",
        "schedule-free AdamW at a constant rate, dropout",
        (
            "model.optimizer={kind: schedule_free_adamw, learning_rate: 5.0e-3}",
            "model.schedule={kind: constant}",
            "model.regularisation={dropout: 0.1}",
        ),
    ),
    Case(
        "killed",
        None,
        "text",
        "killed after 80 steps and gone on with",
        ("model.checkpoint={every_steps: 20}", "model.seed=20"),
        killed_after=80,
    ),
    Case(
        "averaged",
        None,
        "text",
        "Lion, restarts of the cosine, an average of the weights",
        (
            "model.optimizer={kind: lion, learning_rate: 1.0e-3}",
            "model.budget={steps: 400}",
            "model.validate_every_steps=40",
            "model.schedule={kind: cosine_restarts, cycles: 2}",
            "model.ema={decay: 0.98}",
        ),
    ),
)
