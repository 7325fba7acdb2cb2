"""A card for a data set, as Hugging Face lays them out: a header in YAML for programs, then sections for people."""

from __future__ import annotations

import re
from typing import Any

import yaml

from danlu.artifacts.splits import SPLITS
from danlu.corpus.config import CleanConfig
from danlu.corpus.dropped import EXACT, NEAR
from danlu.corpus.inspecting.inspection import Inspection
from danlu.corpus.inspecting.reasons import OWN, READING
from danlu.corpus.inspecting.subject import Subject
from danlu.pages.said import Language

SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"),
         (10**8, "10M<n<100M"), (10**9, "100M<n<1B"), (10**10, "1B<n<10B"))  # fmt: skip
"""Names of sizes that the header knows, each with the number of rows it ends at."""
SCRIPT_LANGUAGES = {"Han": "zh", "Latin": "en"}
"""What a script most likely is, where no language was looked for."""
MEANT_AS_IT_IS = {"<": "&lt;", ">": "&gt;"}
LANGUAGE_SHARE = 0.05
"""Of a language among rows, or of a script among letters, from which it is named."""


def card_of(subject: Subject, inspection: Inspection, language: Language) -> str:
    """The card.

    Args:
        subject: A cleaned artifact.
        inspection: What was found out about it.
        language: Of everything but names, reasons and settings.
    """
    writer = _Writer(language)
    writer.header(_header(subject, inspection, language))
    t = writer.t
    writer.title(inspection.name)
    writer.text(_summary(subject, inspection, writer))
    writer.heading(t("Splits", "划分"))
    writer.table(
        [t("split", "划分"), t("rows", "行数"), t("characters", "字符"), t("bytes (UTF-8)", "字节（UTF-8）")],
        [
            [name, f"{split.num_rows:,}", f"{split.num_characters:,}", f"{split.num_bytes:,}"]
            for name, split in inspection.splits.items()
        ],
    )
    quantiles = inspection.lengths.quantiles
    if quantiles:
        low, middle, high = (f"{quantiles[share]:,.0f}" for share in ("0", "0.5", "1"))
        writer.text(
            t(
                f"Texts have {low} to {high} characters, half of them up to {middle}.",
                f"每篇 {low} 至 {high} 个字符，一半不超过 {middle}。",
            )
        )
    _sources(writer, subject, inspection)
    _filters(writer, inspection, subject.config)
    _personal(writer, inspection, subject.config)
    if inspection.classes:
        writer.heading(t("Classes", "类别"))
        writer.text(_plain(inspection.classes.sentence.in_language(language)))
        rows = [
            [name, *(f"{count:,}" for count in counts.values())] for name, counts in inspection.classes.counts.items()
        ]
        writer.table([t("class", "类别"), *SPLITS], rows)
    _limits(writer, inspection, subject.config)
    writer.heading(t("Version", "版本"))
    writer.text(
        t(
            f"Artifact `{inspection.id}`, made {inspection.created} by `do: clean` of Danlu. Its id is a hash of the"
            " sources and the settings: the same id is the same data.",
            f"产物 `{inspection.id}`，由 Danlu 的 `do: clean` 于 {inspection.created} 制作。"
            "编号是来源与设置的散列：编号相同，数据即相同。",
        )
    )
    return writer.written()


def _header(subject: Subject, inspection: Inspection, language: Language) -> dict[str, Any]:
    stated = [each for source in inspection.sources for each in source.rights]
    licences = list(dict.fromkeys(each.licence for each in stated if each.licence))
    silent = any(source.num_silent for source in inspection.sources) or any(each.licence is None for each in stated)
    num_rows = inspection.total.num_rows
    size = next((name for most, name in SIZES if num_rows < most), "10B<n<100B")
    names = "{split}-*.parquet" if subject.kind == "corpus" else "{split}.parquet"
    files = [
        {"split": split, "path": names.format(split=split)}
        for split, sizes in inspection.splits.items()
        if sizes.num_rows
    ]
    return {
        "pretty_name": inspection.name,
        "license": "unknown" if silent or not licences else "other" if len(licences) > 1 else licences[0].lower(),
        **({"license_name": ", ".join(licences)} if len(licences) > 1 and not silent else {}),
        "language": _languages(inspection),
        "size_categories": [size],
        "task_categories": ["text-classification" if inspection.classes else "text-generation"],
        "configs": [{"config_name": "default", "data_files": files}],
        "dataset_info": {"features": _features(subject)},
    }


def _features(subject: Subject) -> list[dict[str, Any]]:
    if subject.kind == "corpus":
        names = {"id": "string", "text": "string", "source": "string", "row": "int64", "label": "string"}
        return [{"name": name, "dtype": dtype} for name, dtype in {**names, "score": "float64"}.items()]
    turns = [{"name": "role", "dtype": "string"}, {"name": "content", "dtype": "string"}]
    plain = [{"name": name, "dtype": dtype} for name, dtype in (("source", "string"), ("row", "int64"))]
    return [{"name": "id", "dtype": "string"}, {"name": "messages", "list": turns}, *plain]


def _languages(inspection: Inspection) -> list[str]:
    counts = inspection.languages.by_language
    if counts:
        whole = sum(counts.values())
        return [name for name, count in counts.items() if count >= LANGUAGE_SHARE * whole and name != "?"]
    shares = inspection.languages.scripts
    return [
        SCRIPT_LANGUAGES[name] for name, share in shares.items() if name in SCRIPT_LANGUAGES and share >= LANGUAGE_SHARE
    ]


def _summary(subject: Subject, inspection: Inspection, writer: _Writer) -> str:
    total, read = inspection.total, inspection.funnel.num_read
    english = (
        f"{total.num_rows:,} {inspection.unit}, {total.num_characters:,} characters, of {read:,} rows that were read."
    )
    unit = "篇文档" if subject.kind == "corpus" else "段对话"
    return writer.t(english, f"{total.num_rows:,} {unit}，共 {total.num_characters:,} 个字符，取自读取的 {read:,} 行。")


def _sources(writer: _Writer, subject: Subject, inspection: Inspection) -> None:
    t = writer.t
    writer.heading(t("Sources, licences and consent", "来源、许可与同意"))
    for uri in subject.sources:
        writer.item(_plain(uri))
    not_stated = t("not stated", "未说明")
    rows = []
    for source in inspection.sources:
        stated = source.rights or []
        licences = [each.licence or not_stated for each in stated] + ([not_stated] if source.num_silent else [])
        others = [f"{each.consent or '–'} / {each.origin or '–'} / {each.collected or '–'}" for each in stated]
        score = f"{source.score.value:.0f}" if source.score else "–"
        rows.append(
            [
                source.name,
                f"{source.num_read:,}",
                f"{source.num_kept:,}",
                score,
                ", ".join(dict.fromkeys(licences)),
                "; ".join(others) or "–",
            ]
        )
    titles = [("source", "来源"), ("read", "读取"), ("kept", "保留"), ("score", "质量分"), ("licence", "许可")]
    last = t("consent / origin / collected", "同意 / 出处 / 收集时间")
    writer.table([*(t(*title) for title in titles), last], rows)
    writer.text(
        t(
            "Licences and consent are as the recipe states them, and are not checked. The score (0 to 100) is a"
            " weighted geometric mean of what was measured; see `danlu data inspect`.",
            "许可与同意按配方所述，未经核实。质量分（0 至 100）是各项测量的加权几何平均，详见 `danlu data inspect`。",
        )
    )


def _filters(writer: _Writer, inspection: Inspection, config: CleanConfig | None) -> None:
    t = writer.t
    writer.heading(t("Filters", "过滤"))
    names = {
        READING: t("could not be read", "无法读取"),
        OWN: t("lengths and patterns", "长度与格式"),
        EXACT: t("exact duplicates", "完全重复"),
        NEAR: t("near duplicates", "近似重复"),
    }
    rows = [
        [
            names.get(step.filter, step.filter),
            f"{step.num_left_out:,}",
            f"{step.num_left:,}",
            "; ".join(f"{count:,} × {reason}" for reason, count in list(step.reasons.items())[:3]),
        ]
        for step in inspection.funnel.steps
    ]
    titles = [("filter", "过滤器"), ("left out", "去掉"), ("left", "剩余"), ("most frequent reasons", "主要原因")]
    writer.table([t(*title) for title in titles], rows)
    if config:
        settings = config.deduplicate
        kinds = [t("exact", "完全重复")] if settings.exact else []
        if settings.near is not None:
            kinds.append(
                t(
                    f"near (Jaccard similarity from {settings.near:g} on)",
                    f"近似重复（Jaccard 相似度 ≥ {settings.near:g}）",
                )
            )
        named = t(" and ", "与").join(kinds) or t("none", "无")
        writer.text(t(f"Duplicates that were looked for: {named}.", f"查找的重复：{named}。"))


def _personal(writer: _Writer, inspection: Inspection, config: CleanConfig | None) -> None:
    t = writer.t
    writer.heading(t("Personal information", "个人信息"))
    if config is None or config.personal is None or inspection.personal is None:
        writer.text(
            t(
                "Nothing was looked for: names, numbers and addresses of people may stand in the texts.",
                "没有查找：文本中可能有姓名、号码和地址。",
            )
        )
        return
    finds = inspection.personal
    writer.text(
        t(
            f"Looked for and treated in {finds.num_rows:,} of the rows that stay. No detector finds all.",
            f"已查找，并在 {finds.num_rows:,} 行保留内容中处理。没有检测器能找全。",
        )
    )
    rows = [[kind, f"{count:,}", config.personal.treatment_of(kind)] for kind, count in finds.by_kind.items()]
    writer.table([t("kind", "类型"), t("finds", "数量"), t("treatment", "处理")], rows)


def _limits(writer: _Writer, inspection: Inspection, config: CleanConfig | None) -> None:
    """What is known to be wrong or unknown."""
    t = writer.t
    writer.heading(t("Known limits", "已知局限"))
    silent = sum(source.num_silent for source in inspection.sources)
    if silent:
        writer.item(t(f"Of {silent:,} files nobody stated a licence.", f"有 {silent:,} 个文件未说明许可。"))
    if inspection.num_damaged:
        n = f"{inspection.num_damaged:,}"
        writer.item(t(f"{n} texts show signs of a wrong encoding.", f"{n} 篇文本有编码错误的迹象。"))
    if inspection.files_set_aside:
        n = f"{len(inspection.files_set_aside):,}"
        writer.item(t(f"{n} files were not read, or not to their end.", f"{n} 个文件未读或未读完。"))
    if inspection.lengths.num_outlying:
        n = f"{inspection.lengths.num_outlying:,}"
        writer.item(t(f"{n} texts are outlying in length.", f"{n} 篇文本长度离群。"))
    if config is not None and config.quality is None:
        writer.item(t("No rules for the quality of text were applied.", "未应用文本质量规则。"))
    if config is not None and config.deduplicate.near is None:
        writer.item(t("Near duplicates were not looked for.", "未查找近似重复。"))
    if inspection.languages.by_language is None:
        writer.item(t("Languages were not identified; they are told from scripts.", "未识别语言，仅据文字推断。"))
    writer.item(
        t(
            "Nobody has read all of it: rules and detectors are wrong at times, in both directions.",
            "没有人通读过全部内容：规则与检测器有时会错，两个方向都有。",
        )
    )


class _Writer:
    """Markdown, line by line. What comes from data cannot break out of its cell."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._lines: list[str] = []

    def t(self, english: str, chinese: str) -> str:
        return chinese if self._language == "chinese" else english

    def header(self, content: dict[str, Any]) -> None:
        self._lines += ["---", yaml.safe_dump(content, allow_unicode=True, sort_keys=False).rstrip(), "---", ""]

    def title(self, text: str) -> None:
        self._lines += [f"# {_plain(text)}", ""]

    def heading(self, text: str) -> None:
        if self._lines[-1]:
            self._lines.append("")
        self._lines += [f"## {text}", ""]

    def text(self, text: str) -> None:
        self._lines += [text, ""]

    def item(self, text: str) -> None:
        self._lines.append(f"- {text}")

    def table(self, titles: list[str], rows: list[list[str]]) -> None:
        if self._lines[-1]:
            self._lines.append("")
        self._lines += [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
        self._lines += [f"| {' | '.join(map(_plain, row))} |" for row in rows]
        self._lines.append("")

    def written(self) -> str:
        return "\n".join(self._lines).rstrip() + "\n"


def _plain(text: str) -> str:
    """Without line ends, and with what means something in Markdown or HTML escaped."""
    flat = " ".join(text.split())
    return re.sub(r"[\\`*_\[\]|<>]", lambda found: MEANT_AS_IT_IS.get(found[0], f"\\{found[0]}"), flat)
