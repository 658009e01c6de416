import pytest

from benchmarks.measure import _role


@pytest.mark.parametrize(
    ("command", "role"),
    [
        ("python -P /home/me/flows/server.py 7", "server"),
        ("python -m uvicorn --factory prefect.server.api.server:create_app", "server"),
        ("prefect server start", "server"),
        ("python -c from multiprocessing.spawn import spawn_main; spawn_main()", "worker"),
        ("git rev-parse HEAD", "other"),
    ],
)
def test_a_process_is_known_by_its_command_line(command: str, role: str) -> None:
    assert _role(command.split()) == role
