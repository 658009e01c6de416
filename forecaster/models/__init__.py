"""One file per model behind the `Forecaster` protocol; `registry` finds them by name without importing them all."""
