"""Which form is meant, by name, by what a path is called, by the target; and what goes with it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...backends.form import Form, OfTarget
from ...backends.table import forms_of
from ...ir.diagnostics import CompileError, usage_error
from ..options import Options
from .foreign import FOREIGN
from .table import all_forms, option_choices, target_of

# What ends a folder's name and is not a format: a version, as in `model.v2` and `mobilenet-1.0`.
_VERSION = re.compile(r"\.v?\d[\w-]*", re.IGNORECASE)


def form_for(path: str | Path | None, name: str = "", target: str = "") -> Form[Any]:
    """The form that is meant.

    Args:
        path: where it is written, as far as that is known.
        name: of the form, if it is given.
        target: whose first form it is if neither says anything.

    Raises:
        CompileError: of kind "usage": there is no such form, or the path is called like something
            that nothing here writes.
    """
    forms = all_forms()
    if name:
        if name not in forms:
            raise usage_error(f"there is no form '{name}'", f"the forms are {', '.join(forms)}")
        return forms[name]
    usual = forms_of(target or Options().target)[0]
    suffix = Path(path or "").suffix
    by_suffix = {form.suffix: form for form in forms.values() if form.suffix}
    alone = Path(path or "").name.lower()
    if not suffix and (alone in by_suffix or alone in FOREIGN):
        raise usage_error(f"'{path}' is a suffix without a name", f"write NAME{alone}")
    if not suffix or suffix in by_suffix:
        return by_suffix.get(suffix, usual)
    if suffix.lower() in by_suffix:
        raise usage_error(f"'{path}' ends in {suffix}", f"write {suffix.lower()}")
    if suffix.lower() in FOREIGN:
        what, instead = FOREIGN[suffix.lower()]
        raise usage_error(f"'{path}' would be {what}", instead)
    if usual.suffix or _VERSION.fullmatch(suffix):
        return usual
    from difflib import get_close_matches

    close = get_close_matches(suffix.lower(), by_suffix, 1, 0.75)
    meant = f"did you mean {close[0]}? " if close else ""
    remedy = f"{meant}add --emit={usual.name} to call a folder so"
    raise usage_error(f"nothing is known that is called {suffix}: '{path}'", remedy)


def check_path(form: Form[Any], path: Path) -> None:
    """Refuse a path that isn't called as files of the form are.

    Raises:
        CompileError: of kind "usage".
    """
    if form.suffix and path.suffix != form.suffix:
        message = f"--emit={form.name} writes what is called {form.suffix}, not '{path}'"
        raise usage_error(message, f"name it OUT{form.suffix}")


def sorted_out(
    form: Form[Any], given: Mapping[str, object]
) -> tuple[dict[str, object], dict[str, object]]:
    """(fields of `Options`, the form's own choices) of what is chosen, each checked.

    Args:
        form: what is going to be written.
        given: values by the names of choices.

    Raises:
        CompileError: of kind "usage": a choice means nothing for the form, there is none of that
            name, or values don't go together.
    """
    options = {choice.name: choice for choice in option_choices(form)}
    own = {choice.name: choice for choice in form.choices}
    for name, value in given.items():
        choice = own.get(name) or options.get(name)
        if choice is None:
            raise _means_nothing(form, name)
        choice.check(value)
    target = given.get("target")
    if isinstance(form.made_of, OfTarget) and target not in (None, target_of(form)):
        message = f"--emit={form.name} is made for the target {target_of(form)}, not {target}"
        raise usage_error(message, f"leave out --target={target}")
    chosen = {name: value for name, value in given.items() if name in own}
    if problems := list(form.check(chosen)):
        raise CompileError(problems)
    return {name: value for name, value in given.items() if name in options}, chosen


def _means_nothing(form: Form[Any], name: str) -> CompileError:
    """What to say of a choice that a form doesn't take."""
    takers: list[str] = []
    spelled = ""
    for other in all_forms().values():
        for choice in (*option_choices(other), *other.choices):
            if choice.name == name:
                takers.append(other.name)
                spelled = choice.spelled
    if not takers:
        return usage_error(f"there is no choice '{name}'")
    message = f"{spelled} means nothing for --emit={form.name}"
    return usage_error(message, f"it is for --emit={', '.join(takers)}")
