"""What the files of generated code are called."""

CODE, WEIGHTS = "model.py", "model.weights.h5"
LABELS, VOCABULARIES = "labels.txt", "vocabularies.json"
