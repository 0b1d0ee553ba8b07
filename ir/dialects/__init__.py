"""The op tables. A dialect is an explicit tuple of op classes; nothing registers itself."""

from ..ssa import Op


def op_table(*groups: tuple[type[Op], ...]) -> dict[str, type[Op]]:
    """Textual name → class for several tuples of classes.

    Raises:
        ValueError: two ops have the same name.
    """
    table: dict[str, type[Op]] = {}
    for group in groups:
        for op in group:
            if op.name in table:
                raise ValueError(f"two ops are called {op.name}")
            table[op.name] = op
    return table
