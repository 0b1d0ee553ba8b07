"""Reads Core ML files: containers, protobuf messages, weights and the model's interface."""
