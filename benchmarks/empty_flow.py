"""The least that a Prefect flow can be: one task, its result kept. What starting and ending cost by themselves.

`python empty_flow.py` is what anyone would write: Prefect brings a server. With the word `own` it has server and
heartbeats as a night has them, which is quicker.
"""

import sys
from contextlib import nullcontext

from flows.server import OwnServer

own = OwnServer() if sys.argv[1:] == ["own"] else None  # boots while Prefect is imported

from prefect import flow, task  # noqa: E402
from prefect.cache_policies import INPUTS  # noqa: E402

from flows.starting import without_heartbeats  # noqa: E402

SECONDS_TO_START = 120.0


@task(persist_result=True, cache_policy=INPUTS)
def nothing(x: int) -> int:
    return x


@flow(persist_result=False)
def empty() -> int:
    return nothing(1)


if own is not None:
    own.serve()
    own.wait(SECONDS_TO_START)
with nullcontext() if own is None else without_heartbeats():
    empty()
