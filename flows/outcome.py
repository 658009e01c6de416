"""How one coin's night ended."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Rows = tuple[tuple[str, ...], ...]
Status = Literal["OK", "DEGRADED", "STALE", "FAILED", "CANCELLED"]


class CoinOutcome(BaseModel):
    """What the parent flow and the command line are told of a coin.

    Attributes:
        coin: ticker.
        status: OK; DEGRADED if a model, the ensemble or a partner was lost; STALE if the bars are old; FAILED without
            models; CANCELLED.
        reasons: why it is not OK, one sentence each.
        folder: where models were saved.
        report: path of `training_report.json`.
        reused: `30 of 35`: fits reused of all fits.
        verdict: what the test scores allow one to say.
        summary: test scores by model and horizon, header first.
        weights: the ensemble's weights by member and horizon, header first.
        notes: lines that are printed beside it.
    """

    model_config = ConfigDict(frozen=True)

    coin: str
    status: Status
    reasons: tuple[str, ...] = ()
    folder: str | None = None
    report: str | None = None
    reused: str = ""
    verdict: str = ""
    summary: Rows = ()
    weights: Rows = ()
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the coin's night did not end as it should."""
        return self.status in ("FAILED", "CANCELLED")

    def row(self) -> dict[str, Any]:
        """One line of the parent's table."""
        return {
            "coin": self.coin,
            "status": self.status,
            "fits reused": self.reused,
            "why": " ".join(self.reasons),
            "saved in": self.folder or "",
        }
