"""Formats of other tools: what names say that nothing here writes, and what to do instead."""

_KERAS = "--emit=keras writes .keras, which Keras 3 loads"
_TORCH = "--emit=weights writes .npz and .safetensors, which PyTorch code can load"
_FROM_SAVEDMODEL = "makes one of a SavedModel (--emit=savedmodel)"
_WEIGHTS = "--emit=weights writes a folder with weights.npz and weights.safetensors"
_TEXT = "--emit=ir writes IR text, which is called .cmir"
_PICTURE = "--emit=dot writes Graphviz text, of which dot makes pictures; --emit=html a page"
_NOTHING = "nothing here writes one"
_PACKED = "write a folder and pack that"

# What a file is called → (what it is, what to do instead). A form of a target that is called the
# same comes first.
FOREIGN: dict[str, tuple[str, str]] = {
    ".7z": ("an archive", _PACKED),
    ".bin": ("a file of weights", _WEIGHTS),
    ".caffemodel": ("a Caffe model", _NOTHING),
    ".ckpt": ("a TensorFlow checkpoint", "the folder of a SavedModel (--emit=savedmodel) has one"),
    ".dlc": ("a Qualcomm model", "Qualcomm's converter takes a .tflite or .pb"),
    ".engine": ("a TensorRT engine", "TensorRT builds one on the device that runs it"),
    ".gguf": ("a llama.cpp model", _NOTHING),
    ".gz": ("an archive", _PACKED),
    ".h5": ("a Keras 2 file", _KERAS),
    ".hdf5": ("a Keras 2 file", _KERAS),
    ".hef": ("a Hailo model", "Hailo's compiler takes a .tflite"),
    ".json": ("a JSON file", "--json prints what is known of the model as JSON"),
    ".kmodel": ("a Kendryte model", "nncase takes a .tflite"),
    ".lite": ("a TFLite file", "it is called .tflite here"),
    ".mlir": ("MLIR text", _TEXT),
    ".mlmodelc": ("a compiled Core ML model", "write a .mlmodel or .mlpackage, Xcode compiles it"),
    ".mnn": ("an MNN model", "MNNConvert takes a .tflite or .pb"),
    ".ncnn": ("an ncnn model", _NOTHING),
    ".npy": ("a numpy file", _WEIGHTS),
    ".npz": ("a numpy file", _WEIGHTS),
    ".onnx": ("an ONNX model", f"tf2onnx {_FROM_SAVEDMODEL}"),
    ".ort": ("an ONNX Runtime model", f"tf2onnx {_FROM_SAVEDMODEL}, which ONNX Runtime converts"),
    ".pbtxt": ("a TensorFlow graph as text", "--emit=graphdef writes a .pb"),
    ".pdmodel": ("a PaddlePaddle model", "X2Paddle takes a .pb"),
    ".pkl": ("a pickle", _WEIGHTS),
    ".plan": ("a TensorRT engine", "TensorRT builds one on the device that runs it"),
    ".png": ("a picture", _PICTURE),
    ".prototxt": ("a Caffe model", _NOTHING),
    ".pt": ("a PyTorch file", _TORCH),
    ".pth": ("a PyTorch file", _TORCH),
    ".py": ("Python code", "--emit=keras-code writes a folder with model.py"),
    ".rknn": ("a Rockchip model", "RKNN-Toolkit takes a .tflite or .pb"),
    ".safetensors": ("a file of weights", _WEIGHTS),
    ".savedmodel": ("a SavedModel's name", "add --emit=savedmodel to call a folder so"),
    ".svg": ("a picture", _PICTURE),
    ".tar": ("an archive", _PACKED),
    ".torchscript": ("a PyTorch file", _TORCH),
    ".trt": ("a TensorRT engine", "TensorRT builds one on the device that runs it"),
    ".txt": ("a text file", _TEXT),
    ".xml": ("an OpenVINO model", f"OpenVINO's ovc {_FROM_SAVEDMODEL}"),
    ".zip": ("an archive", _PACKED),
}
