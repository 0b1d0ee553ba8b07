"""Targets: each lowers core IR to its own dialect and emits artefacts from it."""

if not __name__.startswith("cmlc."):
    raise ImportError("import cmlc.backends, not backends: a second copy breaks isinstance")

# The targets' own passes, which run on lowered IR: name → "module:class", loaded on first use. A
# pass is named after its module and its target, whose `after` says when it runs.
PASSES: dict[str, str] = {
    "chain-concatenations-keras": f"{__name__}.keras.chain_concatenations:ChainConcatenationsKeras",
    "check-keras": f"{__name__}.keras.check:CheckKeras",
    "flatten-rows-tf": f"{__name__}.tf.flatten_rows:FlattenRowsTf",
    "fuse-keras": f"{__name__}.keras.fuse:FuseKeras",
    "hold-constants-keras": f"{__name__}.keras.hold_constants:HoldConstantsKeras",
    "hold-states-tf": f"{__name__}.tf.hold_states:HoldStatesTf",
    "index-keras": f"{__name__}.keras.index:IndexKeras",
}
