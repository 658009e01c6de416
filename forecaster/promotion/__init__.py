"""What is served is what has proved itself: champions, the evidence against them, and the way back."""

from forecaster.promotion.champion import Champion, NoChampionError, read_champion, served_pointer

__all__ = ["Champion", "NoChampionError", "read_champion", "served_pointer"]
