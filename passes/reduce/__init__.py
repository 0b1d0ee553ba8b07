"""Makes a module small while it keeps a property: what a bug report needs.

The search knows no files and no commands: a predicate says whether a module still has the property.
"""

from .failures import Failure, signature_of
from .reductions import REDUCTIONS
from .search import Progress, Reducer, cost

__all__ = ["REDUCTIONS", "Failure", "Progress", "Reducer", "cost", "signature_of"]
