"""`python -m nestproof`."""

from nestproof.cli import main

main()
