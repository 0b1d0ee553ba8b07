"""The typed SSA IR: ops, types, text form, interpreter. Knows neither Core ML nor TensorFlow.

Import what you need from the module that owns it (`cmlc.ir.ssa`, `cmlc.ir.types`, …); this file
re-exports nothing, so that importing one part never pays for another.
"""

if not __name__.startswith("cmlc."):
    raise ImportError("import cmlc.ir, not ir: a second copy of every class breaks isinstance")
