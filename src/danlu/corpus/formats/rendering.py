"""Blocks as plain text: paragraphs with an empty line between them, items and rows on lines of their own."""

from __future__ import annotations

from collections.abc import Sequence

from danlu.corpus.formats.blocks import Block, Page


def render(page: Page, blocks: Sequence[Block]) -> str:
    """The text of these blocks, in order.

    Cells of a table that hold one block each are put on one line for each row, with " | " between them. Items of lists
    begin with "- ", or with their number.
    """
    shape = _Shape(page)
    parts: list[str] = []
    last_row = last_list = last_cell = 0
    for block in blocks:
        item, its_list, cell, row = shape.of(block.element)
        if row and row == last_row and cell != last_cell and "\n" not in block.text:
            parts += [" | ", block.text]
        else:
            close = (row and shape.table(row) == shape.table(last_row)) or (its_list and its_list == last_list)
            if parts:
                parts.append("\n" if close else "\n\n")
            parts += [shape.marker(item), block.text]
        last_row, last_list, last_cell = row, its_list, cell
    return "".join(parts)


class _Shape:
    """Lists and tables around elements."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._known: dict[int, tuple[int, int, int, int]] = {0: (0, 0, 0, 0)}
        self._numbers: dict[int, int] = {}
        """By list, how many items have begun."""
        self._begun: set[int] = set()

    def of(self, element: int) -> tuple[int, int, int, int]:
        """The innermost list item, its list, cell, and row that the element is in or is; 0 where there is none."""
        path = []
        while element not in self._known:
            path.append(element)
            element = self.page.parents[element]
        item, its_list, cell, row = self._known[element]
        for inner in reversed(path):
            name = self.page.names[inner]
            if name == "li":
                item, its_list = inner, self.page.parents[inner]
            elif name in ("td", "th"):
                cell, item, its_list = inner, 0, 0
            elif name == "tr":
                row, cell = inner, 0
            self._known[inner] = (item, its_list, cell, row)
        return item, its_list, cell, row

    def table(self, row: int) -> int:
        """What holds the row's group of rows."""
        return self.page.parents[self.page.parents[row]] if row else -1

    def marker(self, item: int) -> str:
        if not item or item in self._begun:
            return ""
        self._begun.add(item)
        its_list = self.page.parents[item]
        if self.page.names[its_list] != "ol":
            return "- "
        self._numbers[its_list] = self._numbers.get(its_list, 0) + 1
        return f"{self._numbers[its_list]}. "
