"""Mail, made with the standard library's writer."""

from __future__ import annotations

import io
from email.message import EmailMessage

import pytest

from danlu.corpus.files import BadFileError
from danlu.corpus.formats import mail
from danlu.corpus.formats.mail import read_mail
from danlu.corpus.formats.read_document import ReadDocument


def message(
    text: str | None = "Dear all,\nthe pool is closed.\n", html: str | None = None, subject: str = "泳池 closed"
) -> EmailMessage:
    made = EmailMessage()
    made["From"] = "Ada <ada@example.org>"
    made["To"] = "all@example.org"
    made["Subject"] = subject
    made["Date"] = "Thu, 09 May 2024 08:30:00 +0200"
    if text is not None:
        made.set_content(text)
    if html is not None:
        made.add_alternative(html, subtype="html") if text is not None else made.set_content(html, subtype="html")
    return made


def read(data: bytes) -> list[ReadDocument]:
    return list(read_mail(io.BytesIO(data), "box"))


def test_one_message() -> None:
    (document,) = read(bytes(message()))
    assert document == ReadDocument(
        "",
        "Dear all,\nthe pool is closed.",
        title="泳池 closed",
        date="2024-05-09T08:30:00+02:00",
        facts={"from": "Ada <ada@example.org>", "to": "all@example.org", "attachments": "0"},
    )


def test_plain_text_counts_before_html_and_html_counts_if_alone() -> None:
    html = "<body><p>The pool is closed on Thursday, while a filter is replaced. Courses move to Friday.</p></body>"
    assert read(bytes(message(html=html)))[0].text == "Dear all,\nthe pool is closed."
    assert read(bytes(message(None, html)))[0].text.startswith("The pool is closed on Thursday")


def test_attachments_are_counted_and_not_read() -> None:
    made = message()
    made.add_attachment("attached words", filename="a.txt")
    made.add_attachment(b"\x00\x01", maintype="application", subtype="octet-stream", filename="b.bin")
    (document,) = read(bytes(made))
    assert document.facts["attachments"] == "2"
    assert "attached" not in document.text


def test_mailbox() -> None:
    quoted = message("A line\n>From the start\nends.\n", subject="two")
    box = b"".join(
        b"From ada@example.org Thu May  9 08:30:00 2024\n" + bytes(each) + b"\n" for each in (message(), quoted)
    )
    first, second = read(box)
    assert (first.place, second.place) == ("message 1", "message 2")
    assert second.text == "A line\nFrom the start\nends."


@pytest.mark.parametrize("charset", ["gb2312", "gbk", "utf-8", "no-such-charset", "us-ascii"])
def test_wrong_and_missing_charsets(charset: str) -> None:
    text = "各位同事，泳池星期四关闭，课程改到星期五，时间不变，请互相转告，谢谢大家的理解和支持。"
    encoding = "utf-8" if charset == "utf-8" else "gb18030"
    head = f"From: a@example.org\nContent-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: 8bit\n\n"
    (document,) = read(head.encode() + text.encode(encoding))
    assert document.text == text


def test_broken_parts_are_set_aside() -> None:
    box = b"From x\n\x89PNG\r\n\x1a\n\x00\x00\n\nFrom y\n" + bytes(message()) + b"\nFrom z\nSubject: empty\n\n"
    first, second, third = read(box)
    assert first.unreadable == "it begins with no header of mail"
    assert second.unreadable is None
    assert third.unreadable == "the message has no text"


def test_too_long_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "MAX_MESSAGE_BYTES", 2000)
    box = b"From x\n" + bytes(message("word " * 1000)) + b"\nFrom y\n" + bytes(message())
    first, second = read(box)
    assert first.unreadable == "the message is longer than 2,000 bytes"
    assert second.unreadable is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "empty"), (b"\x89PNG\r\n\x1a\n" + bytes(500), "no header of mail"), (b"just words\n", "no header")],
)
def test_no_mail(data: bytes, reason: str) -> None:
    with pytest.raises(BadFileError, match=reason):
        read(data)


def test_truncated_mime_is_read_as_far_as_it_goes() -> None:
    made = bytes(message(html="<p>x</p>"))
    (document,) = read(made[: made.index(b"closed.\n") + 8])
    assert "the pool is closed." in document.text
