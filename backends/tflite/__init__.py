"""The TFLite target: TensorFlow's graphs, converted."""
