"""The one error of this package."""


class BarsError(ValueError):
    """Bars cannot be used: says which file and row, what was expected, and what to do."""
