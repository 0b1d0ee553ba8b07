"""The Keras target: readable source code, and models that train."""
