"""How one coin's night ended."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Status = Literal["OK", "DEGRADED", "STALE", "FAILED", "CANCELLED"]


class CoinOutcome(BaseModel):
    """What the parent flow and the command line are told of a coin.

    Attributes:
        coin: ticker.
        status: OK; DEGRADED if a model, the ensemble or a partner was lost; STALE if the bars are old; FAILED without models.
        reasons: why it is not OK, one sentence each.
        folder: where models were saved.
        report: path of `training_report.json`.
        summary: the table that is printed, header first.
        notes: lines that are printed beside it.
    """

    model_config = ConfigDict(frozen=True)

    coin: str
    status: Status
    reasons: tuple[str, ...] = ()
    folder: str | None = None
    report: str | None = None
    summary: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the coin ended without models."""
        return self.status in ("FAILED", "CANCELLED")

    def row(self) -> dict[str, Any]:
        """One line of the parent's table."""
        return {"coin": self.coin, "status": self.status, "why": " ".join(self.reasons), "saved in": self.folder or ""}
