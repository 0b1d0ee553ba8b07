"""Core ML files as they are: containers, protobuf messages, weights and the model's interface."""
