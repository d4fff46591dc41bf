"""`python -m nestbox`."""

from nestbox.cli import main

main()
