"""Find the least privilege by experiment: remove relaxations, and see which probe breaks."""
