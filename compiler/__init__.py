"""The compiler proper: reading Core ML models, importing them into the IR, and the driver."""

if not __name__.startswith("cmlc."):
    raise ImportError(f"import this package as cmlc.compiler, not as {__name__}")
