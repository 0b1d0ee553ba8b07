"""What the files of generated code are called."""

CODE, WEIGHTS = "model.py", "model.weights.h5"
