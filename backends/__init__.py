"""Targets: each lowers core IR to its own dialect and emits artefacts from it."""

if not __name__.startswith("cmlc."):
    raise ImportError("import cmlc.backends, not backends: a second copy breaks isinstance")
