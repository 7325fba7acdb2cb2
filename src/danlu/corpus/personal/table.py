"""All kinds of personal information, in one table.

The order decides where two kinds claim the same characters: what is earlier stays.
"""

from __future__ import annotations

from danlu.corpus.personal.kind import Kind
from danlu.corpus.personal.kinds import (
    address,
    card,
    credit_code,
    documents,
    email,
    iban,
    ip,
    name,
    phone,
    phones_chinese,
    plate,
    resident_id,
    secret,
    ssn,
)

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        secret.KIND,
        email.KIND,
        resident_id.KIND,
        credit_code.KIND,
        iban.KIND,
        card.KIND,
        ip.KIND,
        phones_chinese.MOBILE_KIND,
        phones_chinese.LANDLINE_KIND,
        ssn.KIND,
        documents.PERMIT_KIND,
        documents.PASSPORT_KIND,
        phone.KIND,
        plate.KIND,
        address.KIND,
        name.KIND,
    )
}
"""By name."""
