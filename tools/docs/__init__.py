"""Documents made from the code, so that they can't be wrong: `python -m cmlc.tools.docs`."""
