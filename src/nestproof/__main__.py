"""`python -m nestproof`."""

from nestproof.cli.program import main

main()
