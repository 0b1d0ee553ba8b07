"""The TensorFlow target: tf.function graphs, SavedModels, frozen graphs."""
