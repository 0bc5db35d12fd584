"""Keeping uploaded files."""

from __future__ import annotations

import os
from pathlib import Path

from covet.utils.files import File
from covet.utils.storage import FileSystemStorage


class OnDisk(File):
    """An upload that was too large for memory."""

    def temporary_file_path(self) -> str:
        return str(self.file.name)


def test_upload_on_disk_is_moved_and_not_read(tmp_path: Path) -> None:
    temporary = tmp_path / "upload.tmp"
    temporary.write_bytes(b"much")
    temporary.chmod(0o600)
    number = temporary.stat().st_ino
    storage = FileSystemStorage(location=tmp_path / "media")
    with temporary.open("rb") as opened:
        name = storage.save("report.txt", OnDisk(opened))
    kept = tmp_path / "media" / name
    assert not temporary.exists()
    assert (kept.read_bytes(), kept.stat().st_ino) == (b"much", number)
    with (tmp_path / "media" / "other.txt").open("w"):
        pass
    assert kept.stat().st_mode == os.stat(tmp_path / "media" / "other.txt").st_mode


def test_moved_upload_takes_no_name_that_is_taken(tmp_path: Path) -> None:
    storage = FileSystemStorage(location=tmp_path)
    (tmp_path / "report.txt").write_text("first")
    temporary = tmp_path / "upload.tmp"
    temporary.write_text("second")
    with temporary.open("rb") as opened:
        name = storage.save("report.txt", OnDisk(opened))
    assert name != "report.txt"
    assert ((tmp_path / "report.txt").read_text(), (tmp_path / name).read_text()) == ("first", "second")
