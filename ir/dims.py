"""Symbolic dimensions: a dimension is an `int` or an exact integer expression over named symbols.

Expressions are kept in one canonical form (a sum of integer multiples of products of atoms), so
polynomials are equal objects exactly if they mean the same; floor division and maximum are exact
but opaque atoms. This is all that shape inference needs; it does not need a general algebra system.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import total_ordering
from typing import TypeAlias, Union


@total_ordering
@dataclass(frozen=True)
class Atom:
    """An indivisible factor: a symbol (`kind == "symbol"`), a floor division or a maximum."""

    kind: str
    name: str = ""
    left: Dim = 0
    right: Dim = 0

    def __str__(self) -> str:
        if self.kind == "symbol":
            return self.name
        function = "max" if self.kind == "max" else "floordiv"
        return f"{function}({self.left},{self.right})"

    def __lt__(self, other: Atom) -> bool:
        return (self.kind != "symbol", str(self)) < (other.kind != "symbol", str(other))


Monomial: TypeAlias = tuple[Atom, ...]


class Expr:
    """A sum of `coefficient * monomial`; immutable, hashable, always in canonical form.

    Build expressions with Python arithmetic on `symbol("N")`; constant results are plain `int`s.
    """

    __slots__ = ("_hash", "terms")

    def __init__(self, terms: tuple[tuple[Monomial, int], ...]) -> None:
        self.terms = terms
        self._hash = hash(terms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expr) and self.terms == other.terms

    def __hash__(self) -> int:
        return self._hash

    def __add__(self, other: Dim) -> Dim:
        if other == 0:
            return self
        return _build([*self.terms, *_terms(other)])

    __radd__ = __add__

    def __neg__(self) -> Dim:
        return _build([(m, -c) for m, c in self.terms])

    def __sub__(self, other: Dim) -> Dim:
        return self + (-other)

    def __rsub__(self, other: Dim) -> Dim:
        return (-self) + other

    def __mul__(self, other: Dim) -> Dim:
        if other == 1:
            return self
        products = (
            (tuple(sorted((*left, *right))), a * b)
            for left, a in self.terms
            for right, b in _terms(other)
        )
        return _build(products)

    __rmul__ = __mul__

    def __floordiv__(self, other: Dim) -> Dim:
        return floor_div(self, other)

    def __rfloordiv__(self, other: Dim) -> Dim:
        return floor_div(other, self)

    def __str__(self) -> str:
        text = ""
        for monomial, coefficient in self.terms:
            factors = [str(atom) for atom in monomial]
            if abs(coefficient) != 1 or not monomial:
                factors.append(str(abs(coefficient)))
            sign = "-" if coefficient < 0 else "+" if text else ""
            text += sign + "*".join(factors)
        return text

    def __repr__(self) -> str:
        return f"Dim({self})"


Dim: TypeAlias = Union[int, Expr]  # noqa: UP007  Expr's own annotations refer to it at run time
Shape: TypeAlias = tuple[Dim, ...]


def symbol(name: str) -> Expr:
    """The dimension called `name`."""
    return Expr((((Atom("symbol", name),), 1),))


def floor_div(a: Dim, b: Dim) -> Dim:
    """`a // b`, exact: terms that `b` divides leave the division, the rest stays an atom."""
    if isinstance(a, int) and isinstance(b, int):
        return a // b
    if b == 1:
        return a
    if isinstance(b, Expr):
        return _divide_by_expr(a, b)
    whole = [(m, c // b) for m, c in _terms(a) if m and c % b == 0]
    rest = _build((m, c) for m, c in _terms(a) if not m or c % b)
    if isinstance(rest, int):
        return _build([*whole, ((), rest // b)])
    constant = next((c for m, c in rest.terms if not m), 0)
    inner = rest - (constant // b) * b
    whole.append(((), constant // b))
    return _build([*whole, ((Atom("div", "", inner, b),), 1)])


def _divide_by_expr(a: Dim, b: Expr) -> Dim:
    if a == 0:
        return 0
    if len(b.terms) == 1:
        divisor, scale = b.terms[0]
        quotient: list[tuple[Monomial, int]] = []
        for monomial, coefficient in _terms(a):
            left = _remove_factors(monomial, divisor)
            if left is None or coefficient % scale:
                break
            quotient.append((left, coefficient // scale))
        else:
            return _build(quotient)
    elif a == b:
        return 1
    return Expr((((Atom("div", "", a, b),), 1),))


def _remove_factors(monomial: Monomial, divisor: Monomial) -> Monomial | None:
    left = list(monomial)
    for atom in divisor:
        if atom not in left:
            return None
        left.remove(atom)
    return tuple(left)


def ceil_div(a: Dim, b: Dim) -> Dim:
    """`a / b` rounded up; for a known `b` written as a floor division, like equal dimensions."""
    if isinstance(b, int) and b > 0:
        return floor_div(a + (b - 1), b)
    return -floor_div(-a, b)


def maximum(a: Dim, b: Dim) -> Dim:
    """The larger of two dimensions; an atom unless their difference is a known number.

    Nested maxima are flattened, with each operand once and in order; otherwise the text of
    dimensions would double wherever broadcast values meet again.
    """
    kept: list[Dim] = []
    for dim in (*_operands_of_maximum(a), *_operands_of_maximum(b)):
        differences = [dim - other for other in kept]
        if any(isinstance(known, int) and known <= 0 for known in differences):
            continue
        smaller = [isinstance(known, int) for known in differences]
        kept = [other for other, less in zip(kept, smaller, strict=True) if not less]
        kept.append(dim)
    *rest, found = sorted(kept, key=str)
    for dim in reversed(rest):
        found = Expr((((Atom("max", "", dim, found),), 1),))
    return found


def _operands_of_maximum(dim: Dim) -> tuple[Dim, ...]:
    """The operands (two or more) of a maximum; for anything else the dimension itself."""
    if isinstance(dim, Expr) and len(dim.terms) == 1:
        monomial, coefficient = dim.terms[0]
        if coefficient == 1 and len(monomial) == 1 and monomial[0].kind == "max":
            atom = monomial[0]
            return (*_operands_of_maximum(atom.left), *_operands_of_maximum(atom.right))
    return (dim,)


def product(dims: Iterable[Dim]) -> Dim:
    """The product of the dimensions; 1 for none."""
    result: Dim = 1
    for dim in dims:
        result = result * dim
    return result


def is_static(shape: Iterable[Dim]) -> bool:
    """Whether every dimension is a known number."""
    return all(isinstance(dim, int) for dim in shape)


def differs(a: Dim, b: Dim) -> bool:
    """Whether two dimensions can be proven unequal; symbols may always turn out equal."""
    if a == b:
        return False
    difference = a - b
    return isinstance(difference, int)


def merge(a: Dim, b: Dim) -> Dim:
    """The more precise of two dimensions that must be equal."""
    return b if isinstance(a, Expr) and isinstance(b, int) else a


# The least and the largest value; None where there is no bound.
Interval: TypeAlias = tuple[int | None, int | None]


def interval(dim: Dim, limits: Mapping[str, Interval] | None = None) -> Interval:
    """Between which numbers a dimension is certainly.

    Args:
        dim: the dimension.
        limits: what is known of symbols; others may be any extent, which is 0 or more.
    """
    if isinstance(dim, int):
        return dim, dim
    low, high = 0, 0
    for monomial, coefficient in dim.terms:
        least, most = _interval_of_product(monomial, limits or {})
        if coefficient < 0:
            least, most = most, least
        low = None if low is None or least is None else low + coefficient * least
        high = None if high is None or most is None else high + coefficient * most
    return low, high


def _interval_of_product(monomial: Monomial, limits: Mapping[str, Interval]) -> Interval:
    low, high = 1, 1
    for atom in monomial:
        least, most = _interval_of_atom(atom, limits)
        if least is None or least < 0:
            return None, None
        low *= least
        high = None if high is None or most is None else high * most
    return low, high


def _interval_of_atom(atom: Atom, limits: Mapping[str, Interval]) -> Interval:
    if atom.kind == "symbol":
        return limits.get(atom.name, (0, None))
    (low, high), (least, most) = interval(atom.left, limits), interval(atom.right, limits)
    if atom.kind == "max":
        known = [bound for bound in (low, least) if bound is not None]
        return max(known, default=None), None if high is None or most is None else max(high, most)
    if low is None or low < 0 or least is None or least < 1:
        return None, None
    return 0 if most is None else low // most, None if high is None else high // least


def symbols(dim: Dim) -> frozenset[str]:
    """The names that a dimension depends on."""
    if isinstance(dim, int):
        return frozenset()
    found: set[str] = set()
    for monomial, _ in dim.terms:
        for atom in monomial:
            if atom.kind == "symbol":
                found.add(atom.name)
            else:
                found |= symbols(atom.left) | symbols(atom.right)
    return frozenset(found)


def bare_symbol(dim: Dim) -> str | None:
    """The symbol's name if the dimension is exactly one symbol."""
    if isinstance(dim, Expr) and len(dim.terms) == 1:
        monomial, coefficient = dim.terms[0]
        if coefficient == 1 and len(monomial) == 1 and monomial[0].kind == "symbol":
            return monomial[0].name
    return None


def substitute(dim: Dim, values: Mapping[str, Dim]) -> Dim:
    """The dimension with symbols replaced; a number if all of them are given as numbers."""
    if isinstance(dim, int):
        return dim
    total: Dim = 0
    for monomial, coefficient in dim.terms:
        term: Dim = coefficient
        for atom in monomial:
            term = term * _substitute_atom(atom, values)
        total = total + term
    return total


def _substitute_atom(atom: Atom, values: Mapping[str, Dim]) -> Dim:
    if atom.kind == "symbol":
        return values.get(atom.name, symbol(atom.name))
    left, right = substitute(atom.left, values), substitute(atom.right, values)
    return maximum(left, right) if atom.kind == "max" else floor_div(left, right)


def _terms(dim: Dim) -> tuple[tuple[Monomial, int], ...]:
    if isinstance(dim, Expr):
        return dim.terms
    return (((), dim),) if dim else ()


def _build(terms: Iterable[tuple[Monomial, int]]) -> Dim:
    merged: dict[Monomial, int] = {}
    for monomial, coefficient in terms:
        merged[monomial] = merged.get(monomial, 0) + coefficient
    kept = [(m, c) for m, c in merged.items() if c]
    if not kept:
        return 0
    if len(kept) == 1 and not kept[0][0]:
        return kept[0][1]
    if len(kept) > 1:
        # Constants last, positive terms first, so that text reads "N-1", never "-1+N".
        kept.sort(key=lambda t: (not t[0], t[1] < 0, [str(a) for a in t[0]]))
    return Expr(tuple(kept))


def static_size(shape: Shape) -> int | None:
    """The number of elements, or None when a dimension is symbolic."""
    sizes = [dim for dim in shape if isinstance(dim, int)]
    return math.prod(sizes) if len(sizes) == len(shape) else None
