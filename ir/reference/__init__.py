"""Numpy kernels that define the core ops; `evaluate` hooks call them.

They depend on numpy alone and know nothing of ops, types or layouts. Every kernel keeps the dtype
of `x`; see `precision` for the dtype it works in. Import the module you need
(`from .reference import windows`): this package re-exports nothing.
"""

if not __name__.startswith("cmlc."):
    raise ImportError(
        "import cmlc.ir.reference, not ir.reference: a second copy of the package breaks isinstance"
    )
