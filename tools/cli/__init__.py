"""What the commands share: parsing and printing, forms to write, inputs, outputs, summaries."""
