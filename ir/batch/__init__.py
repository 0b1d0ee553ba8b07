"""What a batch does to ops: where values have it, what ops make of it, a proof for functions."""
