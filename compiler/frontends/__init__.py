"""Frontends: a specification message becomes a module of core ops. They never run passes."""
