"""The least that a Prefect flow can be: one task, its result kept. What starting and ending cost by themselves.

Its server is started as a night starts its own, which is quicker than Prefect's way: the stricter comparison.
"""

from prefect import flow, task
from prefect.cache_policies import INPUTS

from flows.server import OwnServer
from flows.starting import without_heartbeats

SECONDS_TO_START = 120.0


@task(persist_result=True, cache_policy=INPUTS)
def nothing(x: int) -> int:
    return x


@flow(persist_result=False)
def empty() -> int:
    return nothing(1)


if __name__ == "__main__":
    OwnServer().wait(SECONDS_TO_START)
    with without_heartbeats():
        empty()
