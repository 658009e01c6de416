"""How a step runs: one thin Prefect task per file around the functions of `forecaster`."""
