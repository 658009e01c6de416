"""Forecasts that were issued, kept as they were, and graded when their day has come."""
