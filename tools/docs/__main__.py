"""Writes the generated documents, or checks them (`--check`)."""

import sys

from .generate import main

sys.exit(main())
