"""The least privilege, proved by experiment: fewer relaxations, and which probe breaks."""
