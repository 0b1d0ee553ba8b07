"""`cmlc-run` on tables: files of rows, cells as Core ML's values, predictions as columns."""
