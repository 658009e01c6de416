"""In what order: the parent flow `retrain`, one subflow per coin, and the command line."""
