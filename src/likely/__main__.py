"""`python -m likely` is `likely`."""

from likely.apps.cli import main

if __name__ == "__main__":
    main()
