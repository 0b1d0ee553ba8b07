"""Writes the generated documents anew, or checks them (`--check`)."""

import sys

from .generate import main

sys.exit(main())
