"""Many laws in one test: as a test each, thousands would take longer to start than to run."""

from collections.abc import Callable, Iterable, Mapping


def all_hold(laws: Mapping[str, Callable[[], object]]) -> None:
    """Check every law, and tell of each that is broken.

    Raises:
        ExceptionGroup: what the broken ones raised, each with the law's name.
    """
    problems: list[Exception] = []
    for name, holds in laws.items():
        try:
            holds()
        except Exception as problem:
            problem.add_note(f"broken: {name}")
            problems.append(problem)
    if problems:
        raise ExceptionGroup(f"{len(problems)} of {len(laws)} are broken", problems)


def hold(laws: Iterable[Callable[..., object]], *about: object) -> None:
    """Check laws that are functions of the same things."""
    all_hold({law.__name__: lambda law=law: law(*about) for law in laws})
