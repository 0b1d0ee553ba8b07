"""Modules as pictures: Graphviz text (`dot`), and a page to browse (`page`, drawn by page.html)."""
