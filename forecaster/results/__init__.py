"""Many runs on one page: the specification's result tables, ours beside its own, zero's forecast in each."""

from forecaster.results.page import results_page
from forecaster.results.read import read_pages, read_reports

__all__ = ["read_pages", "read_reports", "results_page"]
