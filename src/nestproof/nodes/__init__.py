"""The engine that answers for a platform, transfer to it, and workers."""
