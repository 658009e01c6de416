"""The least that a Prefect flow can be: one task, its result kept. What starting and ending cost by themselves."""

from prefect import flow, task
from prefect.cache_policies import INPUTS


@task(persist_result=True, cache_policy=INPUTS)
def nothing(x: int) -> int:
    return x


@flow(persist_result=False)
def empty() -> int:
    return nothing(1)


if __name__ == "__main__":
    empty()
