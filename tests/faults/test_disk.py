"""A disk that runs full: a tiny tmpfs, where this process may mount one."""

import contextlib
import os
import shutil
import subprocess

import pytest

from covet.database.transaction import transaction
from covet.exceptions import StorageFull
from tests.faults.conftest import connect, pool_is_full_again


@contextlib.contextmanager
def mounted(folder, size):
    """`folder`, made, on a file system of its own."""
    folder.mkdir()
    done = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0777", "tmpfs", folder], capture_output=True
    )
    if not done or done.returncode:
        folder.rmdir()
        pytest.skip("mounting a tmpfs is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def tiny_disk(cluster):
    """A folder on a file system of 8 MB that the private cluster may write to."""
    with mounted(cluster.folder / "tiny", "8m") as folder:
        yield from _for_the_cluster(cluster, folder)


def _for_the_cluster(cluster, folder):
    space = folder / "space"
    space.mkdir(mode=0o700)
    owner = cluster.data.stat()
    os.chown(space, owner.st_uid, owner.st_gid)
    yield space
    cluster.stop()


@pytest.mark.postgresql
async def test_a_full_disk_is_a_typed_error_and_reads_go_on(tiny_disk, database):
    """Disk full: StorageFull (507) for the write, reads go on, and writes again once there is room."""
    adapter = connect(database)
    connection = await adapter.connect()
    try:
        await connection.execute(f"CREATE TABLESPACE tiny LOCATION '{tiny_disk}'")
    finally:
        await connection.close()
    await adapter.execute("CREATE TABLE filler (value text) TABLESPACE tiny")
    await adapter.execute("ALTER TABLE filler ALTER COLUMN value SET STORAGE EXTERNAL")
    row = "x" * 100_000
    with pytest.raises(StorageFull) as caught:
        for _ in range(200):
            await adapter.execute("INSERT INTO filler VALUES ($1)", row)
    assert caught.value.sqlstate == "53100"
    stored = await adapter.fetch_value("SELECT count(*) FROM filler")
    assert 10 < stored < 200
    await adapter.execute("DROP TABLE filler")
    await adapter.execute("CHECKPOINT")
    await adapter.execute("CREATE TABLE filler (value text) TABLESPACE tiny")
    await adapter.execute("INSERT INTO filler VALUES ($1)", row)
    await adapter.execute("DROP TABLE filler")
    connection = await adapter.connect()
    try:
        await connection.execute("DROP TABLESPACE tiny")
    finally:
        await connection.close()


async def test_sqlite_on_a_full_disk_is_a_typed_error_and_reads_go_on(tmp_path):
    """SQLite's disk full: StorageFull for the write, nothing half done, reads go on, and writes once there is room."""
    with mounted(tmp_path / "tiny", "1m") as folder:
        adapter = connect(f"sqlite:///{folder / 'full.sqlite3'}")
        await adapter.execute("CREATE TABLE filler (value text)")
        ballast = folder / "ballast"
        ballast.write_bytes(b"x" * 500_000)
        row = "x" * 20_000
        with pytest.raises(StorageFull) as caught:
            for _ in range(200):
                await adapter.execute("INSERT INTO filler VALUES ($1)", row)
        assert caught.value.sqlstate == "53100"
        stored = await adapter.fetch_value("SELECT count(*) FROM filler")
        assert stored > 0
        with pytest.raises(StorageFull):
            async with transaction():
                for _ in range(50):
                    await adapter.execute("INSERT INTO filler VALUES ($1)", row)
        assert await adapter.fetch_value("SELECT count(*) FROM filler") == stored
        ballast.unlink()
        await adapter.execute("INSERT INTO filler VALUES ($1)", row)
        assert await adapter.fetch_value("SELECT count(*) FROM filler") == stored + 1
        await pool_is_full_again(adapter)
        await adapter.close()
