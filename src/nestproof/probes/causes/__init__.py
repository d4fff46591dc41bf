"""Causes of a sandbox's failure: the words of programs, the facts around them, and the smallest fix."""
