"""The table of forms: those of all targets, and those that need none.

Nothing heavy is imported here: commands list all forms in `--help`.
"""

from typing import Any

from ...backends.form import Form
from ...backends.table import TARGETS, forms_of
from ...ir.choices import Choice
from ..choices import choices
from .forms import FORMS, OfSource


def all_forms() -> dict[str, Form[Any]]:
    """Every form by name: those of targets, in their order, and those that need none."""
    targets = [form for name in TARGETS for form in forms_of(name)]
    return {form.name: form for form in (*targets, *FORMS)}


def target_of(form: Form[Any]) -> str:
    """The target that makes the form; empty if none has to."""
    return next((name for name in TARGETS if form in forms_of(name)), "")


def option_choices(form: Form[Any]) -> list[Choice]:
    """What can be chosen about compiling for a form."""
    if isinstance(form.made_of, OfSource):
        return []
    target = target_of(form)
    of_target = TARGETS[target].without if target else frozenset[str]()
    return [choice for choice in choices() if choice.name not in form.without | of_target]
