"""How a TFLite file may be quantized."""

from typing import Literal

# Weights stored in float16; weights in 8 bits; everything in 8-bit integers that can be.
Quantization = Literal["float16", "dynamic", "int8"]
