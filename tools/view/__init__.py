"""What `cmlc-diff` tells: as lines, as data, as a page."""
