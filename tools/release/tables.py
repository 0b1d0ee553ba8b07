"""Tables in Markdown, and their places in documents."""

from collections.abc import Iterator, Sequence


def table(cells: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table; the first row is its head."""
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [" | ".join(map(str.ljust, line, widths)) for line in cells]
    yield f"| {lines[0]} |"
    yield f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    yield from (f"| {line} |" for line in lines[1:])


def marks(name: str) -> tuple[str, str]:
    """What stands before and after a generated part of a document."""
    return f"<!-- {name}:begin -->", f"<!-- {name}:end -->"


def between(document: str, name: str) -> str:
    """The generated part of a document.

    Raises:
        ValueError: the document has no such part.
    """
    return _parts(document, name)[1]


def written(document: str, name: str, lines: Sequence[str]) -> str:
    """The document with these lines as the generated part.

    Raises:
        ValueError: the document has no such part.
    """
    before, _, after = _parts(document, name)
    return "\n".join([before, *lines, after])


def _parts(document: str, name: str) -> tuple[str, str, str]:
    """The document up to the first mark, between the marks, and from the second on."""
    begin, end = marks(name)
    before, first, rest = document.partition(f"{begin}\n")
    inside, second, after = rest.partition(f"\n{end}")
    if not first or not second:
        raise ValueError(f"the document has no {begin} … {end}")
    return f"{before}{begin}", inside, f"{end}{after}"
