"""What sound is turned into for a network (SoundAnalysisPreprocessing.proto).

The message has no parameters: it names VGGish, whose front end this is (Hershey et al., CNN
Architectures for Large-Scale Audio Classification, 2017). The comment of the specification says
power spectrum in one place and magnitude in another; VGGish takes magnitudes. Its "64 spectrum
bins" are those after the mel filters, before which there are 257.
"""

import numpy as np

from ....ir.dialects.builtin import constant
from ....ir.dialects.core.elementwise import Add, Sqrt, Square
from ....ir.dialects.core.index import Gather
from ....ir.dialects.core.linear import Linear
from ....ir.dialects.core.unary import Log
from ....ir.ssa import Value
from ....ir.types import Array
from .context import ModelContext, ModelRules

rules = ModelRules("sound")

RATE = 16000
SAMPLES = 15600  # 0.975 s
FRAME, HOP, TRANSFORM = 400, 160, 512
FRAMES = 1 + (SAMPLES - FRAME) // HOP
BANDS, LOWEST, HIGHEST = 64, 125.0, 7500.0  # Hz
OFFSET = 0.01


@rules("soundAnalysisPreprocessing")
def preprocessing(cx: ModelContext) -> None:
    """Samples at 16 kHz, [15600], as the logarithms of 64 mel bands in 96 frames, [1, 96, 64].

    A frame of 400 samples every 160, times a Hann window; magnitudes of its Fourier transform over
    512 samples; their weighted sums by band; log(sum + 0.01). Samples are taken as they are: VGGish
    expects -1 to 1, and the specification doesn't say what Core ML expects.
    """
    which = cx.message.WhichOneof("SoundAnalysisPreprocessingType")
    cx.require(which == "vggish", "the model names no kind of preprocessing")
    feature = cx.only_input()
    samples = cx.vector()
    count = samples.type.shape[1]
    cx.require(count == SAMPLES, f"input '{feature.name}' has {count} samples, not {SAMPLES}")
    starts = HOP * np.arange(FRAMES)[:, None]
    positions = (starts + np.arange(FRAME)).astype(np.int32)
    frames = Gather(samples, constant(positions, "frames"), axis=1).result
    bands = Linear(_magnitudes(frames), constant(mel_filters(), "mel_filters")).result
    cx.give(cx.only_output(), Log(Add(bands, constant(np.asarray(OFFSET))).result).result)


def _magnitudes(frames: Value) -> Value:
    """Those of the Fourier transform of windowed frames, [1, 96, 257]."""
    angles = 2 * np.pi / TRANSFORM * np.outer(np.arange(TRANSFORM // 2 + 1), np.arange(FRAME))
    window = 0.5 - 0.5 * np.cos(2 * np.pi / FRAME * np.arange(FRAME))
    real = Linear(frames, constant(np.cos(angles) * window, "cosines")).result
    imaginary = Linear(frames, constant(np.sin(angles) * window, "sines")).result
    return Sqrt(Add(Square(real).result, Square(imaginary).result).result).result


def mel_filters() -> Array:
    """The weight of each frequency in each band, [64, 257].

    A triangle rises from the band's lower edge to its centre, which is the next one's lower edge,
    and falls to the next one's centre, linearly in mel. The frequency 0 belongs to no band.
    """
    mel = _mel(np.linspace(0, RATE / 2, TRANSFORM // 2 + 1))
    edges = np.linspace(_mel(LOWEST), _mel(HIGHEST), BANDS + 2)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    slopes = np.minimum((mel - low) / (centre - low), (high - mel) / (high - centre))
    found = np.maximum(slopes, 0)
    found[:, 0] = 0
    return found


def _mel(hertz: float | Array) -> Array:
    """The mel scale of the Hidden Markov Model Toolkit."""
    return 1127 * np.log1p(np.asarray(hertz) / 700)
