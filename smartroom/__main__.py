"""`python -m smartroom` is `smartroom`."""

from smartroom.cli import main

if __name__ == "__main__":
    main()
