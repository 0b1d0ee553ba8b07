"""Everything that a model can be written as: the table of forms, and what writes them."""
