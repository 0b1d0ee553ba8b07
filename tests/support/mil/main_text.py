"""Text of compiled ML Programs with one function."""

INFO = "[buildInfo = dict<string, string>({})]"


def text_of(body, head=f"program(1.3)\n{INFO}\n"):
    """A program with a function of these statements, which start in the fifth line."""
    return f"{head}{{\nfunc main<ios17>(fp32 x) {{\n{body}\n}} -> (y);\n}}"
