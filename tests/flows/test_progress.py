import io
from typing import Any

from flows.outcome import CoinOutcome
from flows.progress import Shielded, Silent, Terminal

OUTCOME = CoinOutcome(
    coin="BTC",
    status="DEGRADED",
    reasons=("tcn was lost: no reason",),
    summary=(("model", "RMSE 1 d"), ("TCN", "0.0294")),
    weights=(("member", "1 d"), ("TCN", "12.0 %")),
    notes=("Models:   here",),
)


def spoken(act: Any) -> str:
    terminal = Terminal()
    terminal.console.file = io.StringIO()
    with terminal:
        act(terminal)
    return terminal.console.file.getvalue()


def test_a_fit_is_named_with_its_epoch_its_losses_and_what_is_left() -> None:
    def act(terminal: Terminal) -> None:
        terminal.expect("BTC", 2)
        terminal.epoch("BTC", "tcn", "fold-1", 3, 10, {"loss": 0.5, "val_loss": 0.75})
        terminal.done("BTC", "tcn", "fold-1", "done")

    lines = spoken(act).splitlines()
    assert lines[0] == "BTC  tcn fold-1  epoch 3/10  loss 0.5  val_loss 0.75"
    assert lines[1] == "BTC  tcn fold-1  done  (1 units left)"


def test_trees_are_counted_in_rounds() -> None:
    def act(terminal: Terminal) -> None:
        terminal.epoch("BTC", "lightgbm", "judged", 1, None, {"loss": 0.5})

    assert "round 1  loss 0.5" in spoken(act)


def test_a_coin_ends_with_its_tables_and_reasons() -> None:
    said = spoken(lambda terminal: terminal.finished(OUTCOME))
    for part in ("BTC: DEGRADED", "tcn was lost", "0.0294", "12.0 %", "Models:   here"):
        assert part in said


def test_several_coins_end_with_one_table_of_the_night() -> None:
    def act(terminal: Terminal) -> None:
        terminal.finished(OUTCOME)
        terminal.finished(OUTCOME.model_copy(update={"coin": "ETH", "status": "FAILED"}))
        terminal.night()

    assert "ETH    FAILED" in spoken(act)


def test_a_progress_that_breaks_is_not_asked_again_and_stops_nothing() -> None:
    class Broken(Silent):
        asked = 0

        def say(self, coin: str, text: str) -> None:
            self.asked += 1
            raise SystemExit(1)  # what rich does on a broken pipe

    broken = Broken()
    shielded = Shielded(broken)
    shielded.say("BTC", "one")
    shielded.say("BTC", "two")
    shielded.finished(OUTCOME)
    assert broken.asked == 1
