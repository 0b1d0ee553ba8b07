"""Makes a module small while it keeps a property, for bug reports.

The search knows neither files nor commands: a predicate says whether a module has the property.
"""

from .failures import Failure, signature_of
from .reductions import REDUCTIONS
from .search import Progress, Reducer, cost

__all__ = ["REDUCTIONS", "Failure", "Progress", "Reducer", "cost", "signature_of"]
