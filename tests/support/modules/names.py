"""Names of every kind that models have, and some that nobody should give."""

import builtins
import keyword
import random
import string

_LETTERS = string.ascii_letters + string.digits
_SCRIPTS = "словоданныеἄλφα入力層入力モデル입력الطبقةשכבהเลเยอร์éñßøŁĳﬁ²ⅷ"
_SIGNS = "/._-+ :;,()[]{}<>@#$%^&*=~`'\"|?!\\"
_UNSEEN = "\t\n\r\v\f\x1c\x85\u2028\u200b\ufeff\0\x7f"
_OF_FUNCTIONS = (
    *("self", "cls", "name", "training", "inputs", "args", "kwargs", "file", "func", "call"),
    *("x", "y", "keras", "layers", "ops", "np", "tf", "sys", "signatures", "weights", "states"),
    *("serving_default", "reset", "build", "load", "main", "model", "config", "class_name"),
)


def _word(draw, letters=_LETTERS, longest=8):
    return "".join(draw.choices(letters, k=draw.randint(1, longest)))


def _around(signs):
    """Words with signs before, between and after them."""

    def names(draw):
        sign = draw.choice(signs)
        a, b = _word(draw), _word(draw)
        return [f"{sign}{a}", f"{a}{sign}{b}", f"{a}{sign}", f"{sign}{sign}{a}{sign}{b}", sign]

    return names


def _alike(draw):
    """Names that many formats can't tell apart."""
    a, b = _word(draw), _word(draw)
    return [
        *(f"{a}.{b}", f"{a}_{b}", f"{a} {b}", f"{a}/{b}", f"{a}:{b}", f"{a}_{b}_1", f"_{a}_{b}"),
        *(f"{a}_{b}".upper(), f"{a}_{b}".lower(), f"{a}_{b}".title(), f"arg_{a}", f"arg__{a}"),
    ]


KINDS = {
    "plain": lambda draw: [_word(draw), f"{_word(draw)}_{_word(draw)}"],
    "underscores": lambda draw: [f"_{_word(draw)}", f"__{_word(draw)}__", "_", "__"],
    "digits": lambda draw: [str(draw.randint(0, 9999)), f"{draw.randint(0, 9)}{_word(draw)}"],
    "signs": _around(_SIGNS),
    "unseen": _around(_UNSEEN),
    "scripts": lambda draw: [_word(draw, _SCRIPTS), f"{_word(draw)}_{_word(draw, _SCRIPTS)}"],
    "pytorch": lambda draw: [
        f"{_word(draw)}.{draw.randint(0, 9)}._{_word(draw)}.weight",
        f"({draw.randint(0, 9)}): {_word(draw).title()}",
        f"/{_word(draw)}/{_word(draw).title()}_output_0",
    ],
    "long": lambda draw: [_word(draw) * 200, _word(draw, _SCRIPTS) * 300, "/" * 700],
    "python": lambda draw: [draw.choice(keyword.kwlist), draw.choice(dir(builtins))],
    "parameters": lambda draw: [draw.choice(_OF_FUNCTIONS)],
    "alike": _alike,
    "empty": lambda draw: ["", " ", "."],
    "files": lambda draw: ["..", "a.npy", f"../{_word(draw)}", f"{_word(draw)}.npy", "CON"],
}


def drawn_names(count, seed, without=()):
    """Different names of all kinds in turn.

    Args:
        count: how many.
        seed: of the random choice.
        without: letters that none may have.
    """
    draw, found = random.Random(seed), {}
    while len(found) < count:
        for kind in KINDS.values():
            found |= dict.fromkeys(n for n in kind(draw) if not set(n) & set(without))
    return draw.sample(list(found), count)
