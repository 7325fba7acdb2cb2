"""The gate's small language: right values for what belongs to it, a refusal for everything else."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from danlu.errors import UserError
from danlu.release.gate import check_names, check_syntax, holds, names, values

FACTS: dict[str, Any] = {
    "proof": {
        "loss": {"base": 2.0, "tuned": 1.5},
        "num_rows": 90,
        "summary": "better",
        "difference": {"tuned": {"interval": [-0.6, -0.4]}},
    },
    "my-files": {"formats": {"gguf-q8_0": {"kl_mean_nats": 0.004, "token_ids_identical": True}}},
}


def verdict(gate: str) -> bool:
    check_syntax(gate)
    return holds(gate, values(gate, FACTS))


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        ("proof.loss.tuned < proof.loss.base", True),
        ("proof.loss.tuned >= proof.loss.base", False),
        ("proof.loss.base - proof.loss.tuned > 0.4 and proof.num_rows >= 50", True),
        ("not (proof.loss.tuned > 1 or proof.num_rows < 10)", False),
        ("1 < proof.loss.tuned < proof.loss.base <= 2", True),
        ("1 < proof.loss.base < proof.loss.tuned", False),
        ("proof.loss.tuned * 2 / 3 == 1 and -proof.loss.tuned != 1.5", True),
        ("my-files.formats.gguf-q8_0.kl_mean_nats <= 1e-2", True),
        ("my-files.formats.gguf-q8_0.token_ids_identical == 1", True),
        ("proof.loss.base -proof.loss.tuned > 0 - 1", True),
    ],
)
def test_gates_mean_what_they_say(gate: str, expected: bool) -> None:
    assert verdict(gate) is expected


MALICIOUS = [
    "__import__('os').system('true')",
    "__import__('os').system('true') < 1",
    "().__class__.__bases__ < 1",
    "proof.loss.__class__() < 1",
    "(lambda: 1)() < 2",
    "[x for x in (1,)][0] < 2",
    "open('/etc/passwd').read() < 'z'",
    "9 ** 9 ** 9 ** 9 < 1",
    "1 << 999999 < 1",
    "'a' * 10 < 'b'",
    "proof['loss'] < 1",
    "f'{proof}' < 1",
    "(x := 1) < 2",
    "True",
    "True < 2",
    "1j < 2",
    "1e999 > 1",
    "proof.loss.tuned",
    "proof.loss.tuned < 1 < (2 < 3)",
    "1 + (1 < 2)",
    "proof.loss.tuned in (1, 2)",
    "proof.loss.tuned is 1",
    "~1 < 2",
    "1 if proof.num_rows else 2",
    "import os",
    "a = 1",
    "",
    "   ",
    "proof.loss.tuned <",
    "proof..loss < 1",
    "\x00",
    "(" * 300 + "1" + ")" * 300 + " < 2",
    "not " * 120 + "1 < 2 and" * 9,
    "1 < 2 or " * 200 + "1 < 2",
]


@pytest.mark.parametrize("gate", MALICIOUS)
def test_everything_else_is_refused(gate: str) -> None:
    with pytest.raises(ValueError, match="gate"):
        check_syntax(gate)


def test_a_long_row_of_signs_is_read_or_refused_but_harmless() -> None:
    gate = "-" * 490 + "1 < 2"
    with suppress(ValueError):
        assert verdict(gate) is True


@given(st.text(max_size=80))
@example("proof.loss.tuned < proof.loss.base")
@example("𝐩roof < 1")
def test_any_text_is_read_or_refused_and_nothing_else(gate: str) -> None:
    try:
        check_syntax(gate)
        holds(gate, values(gate, FACTS))
    except (ValueError, UserError):
        pass


@given(st.text(alphabet="abp.<>=-+*/() \n0123456789_!,[]'\"andorot", max_size=60))
def test_texts_from_the_gates_own_letters(gate: str) -> None:
    try:
        check_syntax(gate)
        holds(gate, values(gate, FACTS))
    except (ValueError, UserError):
        pass


NUMBERS = st.recursive(
    st.sampled_from(["proof.loss.base", "proof.loss.tuned", "proof.num_rows", "0", "1.5", "2e-3", "7"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        inner.map(lambda part: f"(-{part})"),
    ),
    max_leaves=6,
)
CONDITIONS = st.recursive(
    st.tuples(NUMBERS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), NUMBERS).map(" ".join),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        inner.map(lambda part: f"(not {part})"),
    ),
    max_leaves=4,
)


@given(CONDITIONS)
def test_verdicts_equal_pythons_own(gate: str) -> None:
    if len(gate) > 500:
        return
    python = gate.replace("proof.loss.base", "2.0").replace("proof.loss.tuned", "1.5").replace("proof.num_rows", "90.0")
    try:
        expected = eval(python, {"__builtins__": {}})
    except ZeroDivisionError:
        with pytest.raises(UserError, match="divides by zero"):
            verdict(gate)
        return
    if isinstance(expected, bool) and math.isfinite(float(expected)):
        assert verdict(gate) is expected


@pytest.mark.parametrize(
    ("gate", "what", "hint"),
    [
        ("proof.loss.tuend < 1", "proof.loss has nothing called 'tuend'", "Did you mean 'tuned'?"),
        ("prof.loss.tuned < 1", "the release takes nothing called 'prof'", "Did you mean 'proof'?"),
        ("proof.loss < 1", "no number but dict", "proof.loss.base, proof.loss.tuned"),
        ("proof.summary < 1", "no number but str", "Compare numbers"),
        ("proof.num_rows.x < 1", "proof.num_rows has nothing called 'x'", "holds no further names"),
        ("proof.loss.tuned-1 < 1", "nothing called 'tuned-1'", "Did you mean 'tuned'?"),
        ("1 / (proof.num_rows - 90) < 1", "divides by zero", "proof.num_rows = 90"),
    ],
)
def test_wrong_names_and_values_are_explained(gate: str, what: str, hint: str) -> None:
    with pytest.raises(UserError) as error:
        verdict(gate)
    assert what in error.value.what
    assert hint in error.value.hint


def test_names_are_listed_once() -> None:
    assert names("a.b < c.d-e or a.b > 2") == ["a.b", "c.d-e"]


FORETOLD = {"proof": {"loss": {"base": None, "tuned": None}, "num_rows": None}, "files": None}


@pytest.mark.parametrize(
    "gate",
    [
        "proof.loss.tuned < proof.loss.base",
        "proof.something_new < 1",  # a plan need not foretell every fact
        "files.formats.hf.num_bytes < 1",
        "proof.num_rows > 3",
    ],
)
def test_a_plan_lets_through_what_may_come_true(gate: str) -> None:
    check_names(gate, FORETOLD, {"proof", "files"})


@pytest.mark.parametrize("gate", ["proof.los.tuned < 1", "proof.loss.tuend < 1", "prof.loss.tuned < 1"])
def test_a_plan_stops_slips(gate: str) -> None:
    with pytest.raises(UserError, match="Did you mean"):
        check_names(gate, FORETOLD, {"proof", "files"})


def test_made_artifacts_are_checked_strictly() -> None:
    with pytest.raises(UserError, match="something_new"):
        check_names("proof.something_new < 1", FORETOLD, set())
