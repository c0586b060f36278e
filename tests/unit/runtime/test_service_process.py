"""Which process counts as ours."""

import os
from pathlib import Path

import pytest

from runtime.services.process import Daemon, command_line


def daemon(folder: Path, mark: str = "any") -> Daemon:
    return Daemon(title="a server", mark=mark, pid_file=folder / "server.pid", log=folder / "server.log")


@pytest.mark.parametrize("written", [None, "", "\n", "no number", "-1"])
def test_a_pid_file_that_says_nothing_is_no_process(tmp_path: Path, written: str | None) -> None:
    if written is not None:
        (tmp_path / "server.pid").write_text(written, encoding="ascii")

    assert daemon(tmp_path).pid() is None


def test_a_process_is_ours_when_its_command_line_bears_the_mark(tmp_path: Path) -> None:
    (tmp_path / "server.pid").write_text(f"{os.getpid()}\n", encoding="ascii")

    assert daemon(tmp_path, mark=command_line(os.getpid())[-1]).pid() == os.getpid()
    assert daemon(tmp_path, mark="no such mark").pid() is None
