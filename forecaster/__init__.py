"""Features to forecasts without leakage: what the project knows, in pure Python.

Nothing here imports Prefect or MLflow, so every part can be used from a notebook without a server.
"""
