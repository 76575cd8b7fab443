"""Tables and documents are whole, or they are not there, or they say that they are partial."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gridtide.store
from gridtide.core import StorageError
from gridtide.store import (
    TableWriter,
    arrow_table,
    is_partial,
    partial_path,
    read_table,
    whole_file,
    write_json,
    write_table,
    write_text,
)

COLUMNS = {
    "energy_wh": np.arange(5, dtype=np.int64),
    "power_kw": np.linspace(0, 1, 5, dtype=np.float32),
    "name": np.array(["a", "b", "c", "d", "e"]),
    "status": np.array(["optimal", None, "x", "y", "z"], dtype=object),
}


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_list_of_public_names_is_exact_and_sorted():
    offered = gridtide.store.__all__
    assert offered == sorted(offered)
    assert all(hasattr(gridtide.store, name) for name in offered)


def test_the_store_does_not_load_arrow_before_it_is_needed():
    code = "import sys, gridtide.store; sys.exit('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_table_comes_back_as_it_was(tmp_path):
    path = write_table(tmp_path / "new" / "t.parquet", COLUMNS, {"seed": "7"})
    table = read_table(path)
    assert {name: table[name].to_pylist() for name in COLUMNS} == {
        name: values.tolist() for name, values in COLUMNS.items()
    }
    assert table.schema.metadata[b"seed"] == b"7" and not is_partial(path)
    assert str(table.schema.field("power_kw").type) == "float"
    again = write_table(tmp_path / "again.parquet", table, {"more": "1"})
    assert read_table(again).schema.metadata == {b"seed": b"7", b"more": b"1"}
    assert path.read_bytes() == write_table(path, COLUMNS, {"seed": "7"}).read_bytes()
    assert [p.name for p in path.parent.iterdir()] == ["t.parquet"]


def test_csv_on_request(tmp_path):
    path = write_table(tmp_path / "t.csv", {"a": np.array([1, 2]), "b": np.array(["x", "y"])})
    assert path.read_text() == '"a","b"\n1,"x"\n2,"y"\n'
    with pytest.raises(ValueError, match=r"not as '\.xlsx'"):
        write_table(tmp_path / "t.xlsx", COLUMNS)
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]


def test_a_partial_table_says_so_until_the_whole_one_comes(tmp_path):
    path = tmp_path / "t.parquet"
    kept = write_table(path, COLUMNS, partial=True)
    assert kept == partial_path(path) == tmp_path / "t.partial.parquet"
    assert is_partial(kept) and not path.exists()
    write_table(path, COLUMNS)
    assert not kept.exists() and not is_partial(path)


def test_batches_become_one_table(tmp_path):
    path = tmp_path / "t.parquet"
    with TableWriter(path, {"seed": "1"}, row_group_rows=8) as writer:
        for k in range(5):
            writer({"k": np.full(3, k), "x": np.arange(3.0)})
            assert not path.exists()
    table = read_table(path)
    assert table["k"].to_pylist() == [k for k in range(5) for _ in range(3)]
    assert table.schema.metadata[b"seed"] == b"1" and not is_partial(path)
    assert listed(tmp_path) == ["t.parquet"]
    with TableWriter(tmp_path / "none.parquet"):
        pass
    assert listed(tmp_path) == ["t.parquet"]


def test_an_interrupted_table_is_readable_and_partial(tmp_path):
    path = tmp_path / "t.parquet"
    with pytest.raises(KeyboardInterrupt), TableWriter(path, row_group_rows=4) as writer:
        for k in range(3):
            writer({"k": np.full(3, k)})
        raise KeyboardInterrupt
    assert listed(tmp_path) == ["t.partial.parquet"]
    assert is_partial(tmp_path / "t.partial.parquet")
    assert read_table(tmp_path / "t.partial.parquet").num_rows == 9


CHILD = """
import signal, sys
from pathlib import Path
import numpy as np
from gridtide.store import TableWriter
with TableWriter(Path(sys.argv[1]), row_group_rows=10) as writer:
    for k in range(3):
        writer({"k": np.full(10, k)})
    print("ready", flush=True)
    signal.pause()
"""


def test_ctrl_c_in_a_process_keeps_what_was_written(tmp_path):
    path = tmp_path / "t.parquet"
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout.readline() == b"ready\n"
        child.send_signal(signal.SIGINT)
        told = child.communicate(timeout=60)[1]
    assert b"KeyboardInterrupt" in told
    assert read_table(tmp_path / "t.partial.parquet").num_rows == 30
    assert is_partial(tmp_path / "t.partial.parquet")


FULL = """
import sys
from pathlib import Path
import numpy as np
from gridtide.core import StorageError
from gridtide.store import TableWriter, write_json, write_table
folder, limit = Path(sys.argv[1]), int(sys.argv[2])
if limit:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
rng = np.random.default_rng(1)
noise = {"x": rng.random(300_000)}

def stream():
    with TableWriter(folder / "streamed.parquet", row_group_rows=1000) as writer:
        for _ in range(300):
            writer({"x": rng.random(1000)})

for write in (
    lambda: write_table(folder / "t.parquet", noise),
    lambda: write_table(folder / "t.csv", noise),
    lambda: write_json(folder / "t.json", noise["x"].tolist()),
    stream,
):
    try:
        write()
    except StorageError as error:
        print(error)
    else:
        sys.exit("written onto a full disk")
"""


def fill(folder: Path, limit: int) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FULL, folder, str(limit)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_a_file_that_cannot_grow_is_an_error_and_nothing_is_left(tmp_path):
    (tmp_path / "t.json").write_text("old")
    told = fill(tmp_path, 200_000)
    assert len(told) == 4 and all("could not be written: File too large" in t for t in told)
    assert listed(tmp_path) == ["t.json"] and (tmp_path / "t.json").read_text() == "old"


def test_a_full_disk_is_an_error_and_nothing_is_left(tmp_path):
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "none", tmp_path],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a small tmpfs")
    try:
        told = fill(tmp_path, 0)
        assert len(told) == 4 and all("No space left on device" in line for line in told)
        assert listed(tmp_path) == []
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_documents_are_whole_or_untouched(tmp_path):
    path = write_json(tmp_path / "s.json", {"cost": 1.5, "name": "Straße"})
    assert json.loads(path.read_text(encoding="utf-8")) == {"cost": 1.5, "name": "Straße"}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"cost": float("nan")})
    with pytest.raises(KeyboardInterrupt), whole_file(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert json.loads(path.read_text(encoding="utf-8"))["cost"] == 1.5
    assert listed(tmp_path) == ["s.json"]
    with pytest.raises(StorageError, match="could not be written"):
        write_text(path / "below-a-file.txt", "x")


def test_a_truncated_or_missing_table_is_an_error(tmp_path):
    path = write_table(tmp_path / "t.parquet", COLUMNS)
    path.write_bytes(path.read_bytes()[:-20])
    for broken in (path, tmp_path / "gone.parquet"):
        with pytest.raises(StorageError, match="could not be read whole"):
            read_table(broken)
        with pytest.raises(StorageError, match="could not be read whole"):
            is_partial(broken)


def test_columns_become_arrow_with_metadata():
    table = arrow_table(COLUMNS, {"unit": "Wh"})
    assert table.num_rows == 5 and table.schema.metadata == {b"unit": b"Wh"}
