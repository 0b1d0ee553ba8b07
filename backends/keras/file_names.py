"""What the files of generated code are called."""

CODE, WEIGHTS = "model.py", "model.weights.h5"
README, CHECK, NUMBERS = "README.md", "test_model.py", "test_model.npz"
LABELS, VOCABULARIES = "labels.txt", "vocabularies.json"
