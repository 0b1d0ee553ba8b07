"""How a name becomes one that a format takes.

Models call things what they like; formats don't take every name. `distinct` is the only place that
decides what is written: a name that the format takes stays as it is, every other one becomes the
nearest that it takes, and no two become one. What a format takes is a `Grammar`: those of targets
are in `backends/names.py`, those that belong to no target are here.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass


def _itself(name: str) -> str:
    return name


@dataclass(frozen=True, kw_only=True)
class Grammar:
    """The names that a format takes.

    Attributes:
        takes: whether something can be a name, but for the rest of this.
        replaced: what can't be in a name.
        substitute: what comes in its place.
        begin: what is left out at the beginning.
        stem: the name of what has nothing left; comes before a rest that can't begin a name.
        reserved: names that mean something else to the format.
        alike: names with equal results are one to the format.
        longest: bytes of a name, as UTF-8.
        second: the number that the second of two alike names gets.
    """

    takes: Callable[[str], object]
    replaced: re.Pattern[str]
    begin: re.Pattern[str]
    stem: str
    reserved: frozenset[str] = frozenset()
    alike: Callable[[str], str] = _itself
    substitute: str = "_"
    longest: int = 1000
    second: int = 1

    def fits(self, name: str) -> bool:
        """Whether the format takes a name as it is."""
        return (
            bool(self.takes(name))
            and name not in self.reserved
            and len(name.encode()) <= self.longest
        )

    def nearest(self, name: str, stem: str = "") -> str:
        """The nearest name that the format takes, which is the same for different names.

        Args:
            name: any.
            stem: in place of the grammar's.
        """
        if self.fits(name):
            return name
        stem = stem or self.stem
        text = self.replaced.sub(self.substitute, name)
        text = self.shortened(text)
        left_out = self.begin.match(text)
        text = text[left_out.end() if left_out else 0 :] or stem
        if not self.takes(text):
            text = self.shortened(f"{stem}_{text}")
        return f"{text}_" if text in self.reserved else text

    def shortened(self, name: str, spare: int = 1) -> str:
        """The beginning of a name, with so many bytes left for what follows."""
        return name.encode()[: self.longest - spare].decode(errors="ignore")


def distinct(
    grammar: Grammar, names: Iterable[str], stem: str = "", taken: Iterable[str] = ()
) -> list[str]:
    """What each name is written as, in the same order; no two are alike to the format.

    Names that fit come first, so that they stay as they are whatever else there is. Equal names are
    different things: the first one stays.

    Args:
        grammar: what the format takes.
        names: in an order that is always the same.
        stem: in place of the grammar's, see `Grammar`.
        taken: written names that none may be alike.
    """
    names = list(names)
    used = set(map(grammar.alike, taken))
    found: dict[int, str] = {}
    for position, name in enumerate(names):
        if grammar.fits(name) and grammar.alike(name) not in used:
            found[position] = name
            used.add(grammar.alike(name))
    numbers: dict[str, int] = {}
    for position, name in enumerate(names):
        if position in found:
            continue
        written = base = grammar.nearest(name, stem)
        while grammar.alike(written) in used or not grammar.fits(written):
            number = numbers.get(base, grammar.second)
            numbers[base] = number + 1
            written = f"{grammar.shortened(base, len(str(number)) + 1)}_{number}"
        found[position] = written
        used.add(grammar.alike(written))
    return [found[position] for position in range(len(names))]


def written(
    grammar: Grammar, names: Iterable[str], stem: str = "", taken: Iterable[str] = ()
) -> Mapping[str, str]:
    """The same for names that stand for one thing wherever they occur: written by real name."""
    names = list(dict.fromkeys(names))
    return dict(zip(names, distinct(grammar, names, stem, taken), strict=True))


NO_TEXT = "\0\ud800-\udfff"  # what no text in UTF-8 or in C has
_NOT_WORDS = re.compile(r"[^A-Za-z0-9_]")

ANYTHING = Grammar(
    takes=re.compile(rf"[^{NO_TEXT}]+", re.DOTALL).fullmatch,
    replaced=re.compile(rf"[{NO_TEXT}]"),
    begin=re.compile(""),
    stem="unnamed",
    longest=1 << 30,
)


def unique(name: str, taken: Iterable[str], grammar: Grammar = ANYTHING) -> str:
    """The one name, with a number appended if it is taken."""
    return distinct(grammar, [name], taken=taken)[0]


# Parts of symbols of dimensions in IR text, which come after a number.
SYMBOL = Grammar(
    takes=re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch,
    replaced=_NOT_WORDS,
    begin=re.compile(""),
    stem="n",
)

# Files, without what comes after the dot: they may be copied to a file system that doesn't tell
# small letters from capital ones. 200 bytes leave room for a suffix and a temporary one.
_NOT_IN_FILES = r'<>:"/\\|?*\0-\x1f\x7f' + NO_TEXT
FILE = Grammar(
    takes=re.compile(rf"(?![. ])[^{_NOT_IN_FILES}]+(?<![. ])").fullmatch,
    replaced=re.compile(rf"[{_NOT_IN_FILES}]|[. ]+$"),
    begin=re.compile("[. ]+"),
    stem="output",
    alike=str.casefold,
    longest=200,
)

# Arrays in a .npz: numpy takes `x.npy` for another spelling of `x`.
ARRAY = Grammar(
    takes=re.compile(rf"(?![^\0]*\.npy$)[^{NO_TEXT}]+", re.DOTALL).fullmatch,
    replaced=re.compile(rf"[{NO_TEXT}]|\.npy$"),
    begin=re.compile(""),
    stem="array",
    longest=60000,  # a zip archive has 16 bits for the length of a name
)

# Lines of a text file: what str.splitlines takes for the end of one.
LINE = Grammar(
    takes=re.compile(rf"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029{NO_TEXT}]*").fullmatch,
    replaced=re.compile(rf"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029{NO_TEXT}]+"),
    begin=re.compile(""),
    stem="",
    substitute=" ",
    longest=1 << 30,
)
