"""`python -m primum` is the same as `primum`."""

from __future__ import annotations

from primum.cli import main

if __name__ == "__main__":
    main()
