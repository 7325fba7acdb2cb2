"""Keys and secrets: what well-known services give out, private keys, passwords in links, and random values that are
assigned to a name such as password or token.
"""

from __future__ import annotations

import re
from collections import Counter
from math import log2

from danlu.corpus.personal.anchors import Anchor
from danlu.corpus.personal.draw import Draw
from danlu.corpus.personal.kind import ANY_SIZE, Kind, Span

SERVICES = (
    r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}",  # AWS
    r"LTAI[A-Za-z0-9]{12,26}",  # Alibaba Cloud
    r"AKID[A-Za-z0-9]{13,40}",  # Tencent Cloud
    r"AKLT[A-Za-z0-9]{16,60}",  # Volcengine
    r"gh[opsru]_[A-Za-z0-9]{36,251}",  # GitHub
    r"github_pat_[A-Za-z0-9_]{60,100}",
    r"gl(?:pat|ptt|dt|rt|ft|soat)-[A-Za-z0-9_-]{20,60}",  # GitLab
    r"xox[abeoprs]-[A-Za-z0-9-]{10,250}",  # Slack
    r"xapp-\d-[A-Z0-9]+-\d+-[a-z0-9]+",
    r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,120}",  # Stripe
    r"whsec_[A-Za-z0-9]{32,64}",
    r"sk-(?:ant-|proj-|svcacct-|or-v1-)?[A-Za-z0-9_-]{20,200}",  # OpenAI, Anthropic, DeepSeek and others
    r"AIza[A-Za-z0-9_-]{35}",  # Google
    r"ya29\.[A-Za-z0-9_-]{20,300}",
    r"hf_[A-Za-z0-9]{30,40}",  # Hugging Face
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-AgE[A-Za-z0-9_-]{50,300}",
    r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}",  # SendGrid
    r"(?:SK|AC)[0-9a-f]{32}",  # Twilio
    r"key-[0-9a-f]{32}",  # Mailgun
    r"do[oprt]_v1_[0-9a-f]{64}",  # DigitalOcean
    r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",  # Shopify
    r"EAACEdEose0cBA[A-Za-z0-9]+",  # Facebook
    r"sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43}",  # Square
    r"dapi[0-9a-f]{32}",  # Databricks
    r"glsa_[A-Za-z0-9]{32}_[0-9a-f]{8}",  # Grafana
    r"nvapi-[A-Za-z0-9_-]{40,80}",  # NVIDIA
    r"\d{8,10}:[A-Za-z0-9_-]{35}",  # Telegram
    r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",  # JSON web tokens
)
TOKEN_STARTS = "AK AS AB AC LT gh gi gl xo xa rk sk wh AI ya hf np py SG SK ke do sh EA sq da nv ey"
"""How those begin that begin with a letter."""
TOKEN = re.compile(rf"(?:{'|'.join(SERVICES)})(?![A-Za-z0-9_])")
LONGEST_BLOCK = 20_000
"""Characters of a private key."""
BLOCK = re.compile(
    r"-----BEGIN (?P<what>[A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?)-----"
    rf"[^\0]{{1,{LONGEST_BLOCK}}}?-----END (?P=what)-----"
)
LINK = re.compile(r"://[^\s/:@\0<>]{1,100}:(?P<secret>[^\s/@\0<>]{3,200})@")
NAME = re.compile(
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|(?:api|access|secret|private|auth|account|app|encryption|signing)"
    r"[_ -]?key|密码|口令|密钥|秘钥|令牌)[\"'`]?\s{0,3}$",
    re.IGNORECASE | re.ASCII,
)
LONGEST_NAME = 24
VALUE = re.compile(r"[:=]{1,2}>?\s{0,3}(?P<quote>[\"'`]?)(?P<secret>[A-Za-z0-9!#$%&*+./=?@^_~|-]{6,300})")
SURE_LENGTH, SURE_BITS = 16, 3.0
"""Characters, and bits a character (of the value's own frequencies), from which on a value counts as random."""
NOT_SECRETS = re.compile(
    r"(?:none|null|true|false|undefined|required|optional|string|your|example|changeme|xxx|not-a-secret)|\$|%\w*%|.*\(",
    re.IGNORECASE,
)
NO_SECRET = "not-a-secret-"
"""What stand-ins begin with."""


def find_token(text: str, position: int, size: int) -> Span | None:
    match = TOKEN.match(text, position)
    return match.span() if match and not text.startswith(NO_SECRET, position) else None


def find(text: str, position: int, size: int) -> Span | None:
    character = text[position]
    if character == "-":
        match = BLOCK.match(text, position)
        return match.span() if match else None
    if text.startswith("://", position):
        match = LINK.match(text, position)
        return match.span("secret") if match and not NOT_SECRETS.match(match.group("secret")) else None
    if character in ":=":
        return _find_assigned(text, position)
    return find_token(text, position, size)


def _find_assigned(text: str, position: int) -> Span | None:
    if not NAME.search(text[max(0, position - LONGEST_NAME) : position]):
        return None
    match = VALUE.match(text, position)
    if match is None:
        return None
    start, end = match.span("secret")
    quoted = bool(match.group("quote"))
    while not quoted and text[end - 1] in ".!?&*" and end - start > 1:  # of the sentence
        end -= 1
    return (start, end) if _is_random(text[start:end]) else None


def _is_random(value: str) -> bool:
    """Long and of many different characters, or short with letters and digits or signs mixed, as passwords are."""
    if len(value) < 6 or NOT_SECRETS.match(value):
        return False
    has_digit = any(map(str.isdigit, value))
    mixed = has_digit + any(map(str.isupper, value)) + any(map(str.islower, value)) + (not value.isalnum())
    if len(value) >= SURE_LENGTH:
        return has_digit and mixed >= 2 and bits(value) >= SURE_BITS
    return has_digit and mixed >= 2 and any(map(str.isalpha, value)) and value.count(".") < 2


def bits(value: str) -> float:
    """Entropy of the frequencies of its characters, in bits a character."""
    return -sum(count / len(value) * log2(count / len(value)) for count in Counter(value).values())


def stand_in(draw: Draw, value: str) -> str:
    """Of letters that say what they are not."""
    return NO_SECRET + draw.letters(16)


KIND = Kind(
    name="secret",
    chinese="密钥",
    english="SECRET",
    anchors={
        Anchor.TOKEN: ANY_SIZE,
        Anchor.ASSIGNMENT: ANY_SIZE,
        Anchor.DASHES: ANY_SIZE,
        Anchor.LINK: ANY_SIZE,
        Anchor.NUMBER: (8, 9, 10),
    },
    find=find,
    canonical=str,
    stand_in=stand_in,
)
