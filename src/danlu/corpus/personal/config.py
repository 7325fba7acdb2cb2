"""Settings of how personal information is treated."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field, field_validator

from danlu.artifacts.manifest import Strict
from danlu.errors import did_you_mean

Treatment = Literal["mask", "hash", "pseudonym", "keep"]
KindName = Literal[
    "secret", "email", "resident_id", "credit_code", "iban", "card", "ip", "mobile", "landline", "ssn", "permit",
    "passport", "phone", "plate", "address", "name",
]  # fmt: skip
"""All kinds, as `table.py` has them."""


class PersonalConfig(Strict):
    """What is found of people in texts, and what is written in its place.

    The key of `hash` and `pseudonym` is no setting: it is a secret, and settings stand in artifacts.
    """

    treatment: Treatment = "mask"
    """mask: a placeholder such as <手机号>. hash: a placeholder with a keyed hash of the value, so that equal values
    can be told. pseudonym: a made-up value of the same kind, always the same one for a value under a key. keep: not
    looked for."""
    kinds: dict[KindName, Treatment] = Field(default_factory=dict)
    """Kinds that are treated otherwise: kind -> treatment. Kinds: resident_id, mobile, landline, phone (of other
    countries), card, passport, permit, plate, credit_code, email, ip, address, name, iban, ssn, secret."""
    language: Literal["chinese", "english"] = "chinese"
    """Of placeholders: <手机号> or [MOBILE]."""
    placeholders: dict[KindName, str] = Field(default_factory=dict)
    """Other placeholders for `mask`: kind -> what stands there."""

    @field_validator("kinds", "placeholders", mode="before")
    @classmethod
    def _are_kinds(cls, kinds: object) -> object:
        known = get_args(KindName)
        for kind in kinds if isinstance(kinds, dict) else ():
            if kind not in known:
                raise ValueError(f"{kind!r} is no kind of personal information. {did_you_mean(str(kind), list(known))}")
        return kinds

    def treatment_of(self, kind: str) -> Treatment:
        """How a kind is treated."""
        return self.kinds.get(kind, self.treatment)  # type: ignore[call-overload, no-any-return]

    @property
    def needs_key(self) -> bool:
        """Whether anything is hashed or given a pseudonym."""
        return any(self.treatment_of(kind) in ("hash", "pseudonym") for kind in get_args(KindName))
