"""Values that Faker makes: names, addresses and numbers of people who do not exist, in Chinese and English."""

from __future__ import annotations

import argparse
import json

from faker import Faker


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, required=True, help="of each")
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    chinese, english = Faker("zh_CN"), Faker("en_US")
    german, british = Faker("de_DE"), Faker("en_GB")
    for maker in (chinese, english, german, british):
        maker.seed_instance(options.seed)
    makers = {
        "chinese_name": chinese.name,
        "chinese_address": chinese.address,
        "resident_id": chinese.ssn,
        "mobile": chinese.phone_number,
        "english_first": english.first_name,
        "english_last": english.last_name,
        "english_address": english.address,
        "card": english.credit_card_number,
        "ssn": english.ssn,
        "phone": english.phone_number,
        "british_phone": british.phone_number,
        "iban": german.iban,
        "british_iban": british.iban,
        "email": english.ascii_free_email,
        "company_email": english.ascii_company_email,
        "ipv4": english.ipv4_public,
        "ipv6": english.ipv6,
    }
    print(json.dumps({name: [make() for _ in range(options.count)] for name, make in makers.items()}))


if __name__ == "__main__":
    main()
