"""`cmlc-run` on many inputs: read, run and written at the same time, a part after the other."""
