"""PostgreSQL on a disk that runs full: a tiny tmpfs, where this process may mount one."""

import os
import shutil
import subprocess

import pytest

from covet.exceptions import StorageFull
from tests.faults.conftest import connect

pytestmark = pytest.mark.postgresql


@pytest.fixture
def tiny_disk(cluster, tmp_path_factory):
    """A folder on a file system of 8 MB that the private cluster may write to."""
    folder = cluster.folder / "tiny"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,mode=0777", "tmpfs", folder], capture_output=True
    )
    if not mounted or mounted.returncode:
        folder.rmdir()
        pytest.skip("mounting a tmpfs is not allowed here")
    space = folder / "space"
    space.mkdir(mode=0o700)
    owner = cluster.data.stat()
    os.chown(space, owner.st_uid, owner.st_gid)
    yield space
    cluster.stop()
    subprocess.run(["umount", "-l", folder], check=True)


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
