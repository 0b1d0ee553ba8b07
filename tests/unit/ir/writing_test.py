"""What is written is there whole or not at all, and replaces only its like."""

import errno
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from cmlc.ir.diagnostics import CompileError
from cmlc.ir.writing import check_replaceable, failures_told, writing_whole


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def left_behind() -> dict[str, str]:
    """Every file by its path, with what it holds."""
    files = (path for path in Path().rglob("*") if path.is_file())
    return {str(path): path.read_text() for path in sorted(files)}


def write_folder(path: Path, **files: str) -> None:
    with writing_whole(path) as new:
        new.mkdir()
        for name, text in files.items():
            (new / name).write_text(text)


def test_a_file_and_the_folders_around_it():
    with writing_whole(Path("a/b/file")) as new:
        assert (new.name, [*left_behind().values()]) == ("file", [""])  # the scratch folder's lock
        new.write_text("first")
    assert left_behind() == {"a/b/file": "first"}
    with writing_whole(Path("a/b/file")) as new:
        new.write_text("second")
        assert left_behind()["a/b/file"] == "first"
    assert left_behind() == {"a/b/file": "second"}


def test_a_folder_replaces_a_folder():
    write_folder(Path("folder"), old="1", both="1")
    write_folder(Path("folder"), new="2", both="2")
    assert left_behind() == {"folder/both": "2", "folder/new": "2"}
    assert [path.name for path in Path().iterdir()] == ["folder"]


def test_what_fails_leaves_no_trace():
    write_folder(Path("folder"), kept="1")
    for path in (Path("folder"), Path("file")):
        with suppress(ZeroDivisionError), writing_whole(path) as new:
            new.mkdir()
            (new / "half").write_text("")
            raise ZeroDivisionError
    assert left_behind() == {"folder/kept": "1"}


def test_nothing_written_changes_nothing():
    Path("file").write_text("kept")
    with writing_whole(Path("file")):
        pass
    assert left_behind() == {"file": "kept"}


def test_two_files_appear_together_or_not_at_all():
    with (
        suppress(ZeroDivisionError),
        writing_whole(Path("a")) as a,
        writing_whole(Path("b")) as b,
    ):
        a.write_text("")
        b.write_text("")
        raise ZeroDivisionError
    assert left_behind() == {}


def test_neither_kind_replaces_the_other():
    Path("file").write_text("kept")
    with pytest.raises(NotADirectoryError):
        write_folder(Path("file"))
    write_folder(Path("folder"), kept="1")
    with pytest.raises(IsADirectoryError), writing_whole(Path("folder")) as new:
        new.write_text("")
    assert left_behind() == {"file": "kept", "folder/kept": "1"}


def test_a_folder_that_cannot_be_put_in_place_leaves_the_old_one(monkeypatch):
    write_folder(Path("folder"), kept="1")
    rename = Path.rename

    def fail(self, target):
        if self.parent.name == "new":
            raise OSError("no space")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="no space"):
        write_folder(Path("folder"), new="2")
    assert left_behind() == {"folder/kept": "1"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (".", "is the current folder"),
        ("..", "is the current folder, or around it"),
        ("file", "'file' exists and is not a folder"),
        ("dangling", "'dangling' exists and is not a folder"),
        ("full", "the folder 'full' exists and holds no cake"),
    ],
)
def test_what_is_not_replaced(name, said):
    Path("file").touch()
    Path("dangling").symlink_to("nothing")
    Path("full").mkdir()
    Path("full/treasure").touch()
    with pytest.raises(CompileError, match=said):
        check_replaceable(Path(name), "cake", lambda folder: (folder / "cake").exists())


def test_what_is_replaced():
    Path("empty").mkdir()
    Path("party").mkdir()
    Path("party/cake").touch()
    for name in ("new", "empty", "party"):
        check_replaceable(Path(name), "cake", lambda folder: (folder / "cake").exists())


def killed(code: str) -> None:
    """Run code in a process that a signal ends while it writes `folder`."""
    script = (
        "import os, signal\nfrom pathlib import Path\nfrom cmlc.ir import writing\n"
        f"def die(): os.kill(os.getpid(), signal.SIGKILL)\n{code}"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == -signal.SIGKILL


WRITING = """
with writing.writing_whole(Path("folder")) as new:
    new.mkdir()
    (new / "half").write_text("1")
    die()
"""
SWAPPING = """
writing.Path.rename = lambda path, to, rename=Path.rename: die() if path.parent.name == "new" else (
    rename(path, to))
with writing.writing_whole(Path("folder")) as new:
    new.mkdir()
    (new / "half").write_text("1")
"""


@pytest.mark.parametrize("code", [WRITING, SWAPPING], ids=["writing", "swapping"])
def test_what_a_killed_process_left_is_removed_by_the_next(code):
    write_folder(Path("folder"), kept="1")
    killed(code)
    assert any("half" in name for name in left_behind())
    write_folder(Path("other"), new="2")
    assert left_behind() == {"folder/kept": "1", "other/new": "2"}
    assert sorted(path.name for path in Path().iterdir()) == ["folder", "other"]


def test_what_others_are_writing_stays():
    with writing_whole(Path("slow")) as new:
        new.write_text("1")
        write_folder(Path("fast"), new="2")
        assert new.read_text() == "1"
    Path(".cmlc-of-somebody").mkdir()
    write_folder(Path("fast"), new="3")
    assert left_behind() == {"fast/new": "3", "slow": "1"}
    assert Path(".cmlc-of-somebody").is_dir()


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "part"),
        RuntimeError("file write failed: errno = 28, error message = 'No space left on device'"),
        ArithmeticError("SaveV2 part-0; No space left on device [Op:SaveV2]"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_full_disk_is_told_in_one_line(error):
    with pytest.raises(CompileError) as caught, failures_told(Path("out")):
        raise error
    assert str(caught.value) == "out: error: can't be written: No space left on device"


def test_other_errors_are_not_the_disks():
    with pytest.raises(ArithmeticError), failures_told(Path("out")):
        raise ArithmeticError("of ours")
