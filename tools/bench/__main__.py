"""Prints how long import, load, passes, compilation and inference take."""

import sys

from .run import main

sys.exit(main())
