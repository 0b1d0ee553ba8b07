"""The commands: one module per command, each a thin shell around the public API.

Run them as modules (``python -m cmlc.tools.NAME``) or through the installed scripts. Started by
path, a script would find its own folder first on the module search path, and ``tools/cmlc.py``
there would hide the package.
"""

if not __name__.startswith("cmlc."):
    raise ImportError(f"import this folder as cmlc.tools, not as {__name__}: install the project")
