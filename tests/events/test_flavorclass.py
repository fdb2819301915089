"""Oracle: the published layout, 395 columns by their counts, and files with planted mistakes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from openbfactory.core.errors import EventFileError
from openbfactory.events.flavorclass import FlavorClassFile, groups, names
from openbfactory.events.ntuples import escape


def _write(path: Path, columns: dict, rows: int = 50, groups_of: int = 20) -> Path:
    arrays = {name: pa.array(np.resize(np.asarray(v, np.float32), rows)) for name, v in columns.items()}
    pq.write_table(pa.table(arrays), path, row_group_size=groups_of)
    return path


def test_the_layout() -> None:
    found = names()
    assert len(found) == len(set(found)) == 10 * 27 + 20 * 6 + 4 + 1
    assert "getVariableByRank(pi+:tflat, p, pidPairProbabilityExpert(321, 211, ARICH), 10)" in found
    assert "getVariableByRank(gamma:tflat, p, useCMSFrame(phi), 20)" in found
    assert "getVariableByRank(pi+:tflat, p, countInList(gamma:tflat)/8, 1)" in found
    assert len(groups()) == 27 + 6 + 4


def test_a_complete_file_is_read_in_batches(tmp_path: Path) -> None:
    file = FlavorClassFile(_write(tmp_path / "a.parquet", {n: [i, np.nan] for i, n in enumerate(names())}))
    assert not list(file.findings)
    assert file.rows == 50
    assert list(file.known) == names()
    for wanted, expected in ((50, 50), (33, 33), (500, 50)):
        batches = list(file.batches(wanted, names()[:3]))
        assert sum(len(b[names()[0]]) for b in batches) == expected
    whole = np.concatenate([b[names()[2]] for b in file.batches(50)])
    assert np.array_equal(np.isnan(whole), np.arange(50) % 2 == 1)
    assert whole[0] == 2


def test_missing_and_unknown_columns_are_named(tmp_path: Path) -> None:
    columns = {escape(n): [1.0] for n in names() if "electronID, 3)" not in n}
    file = FlavorClassFile(_write(tmp_path / "a.parquet", {**columns, "electronIDs": [0.0], "__event__": [1.0]}))
    codes = [(f.code, f.path) for f in file.findings]
    assert codes == [("missing-column", "getVariableByRank(pi+:tflat, p, electronID, 3)"),
                     ("unknown-column", "electronIDs")]
    assert len(file.known) == 394
    assert next(file.batches(5))[names()[0]].tolist() == [1.0] * 5


def test_other_files_are_errors(tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("no")
    words = pa.table({names()[0]: pa.array(["a"]), names()[1]: pa.array([1.0])})
    pq.write_table(words, tmp_path / "words.parquet")
    for path, code in ((tmp_path / "absent.parquet", "unreadable"), (tmp_path / "text.parquet", "unreadable"),
                       (_write(tmp_path / "other.parquet", {"p": [1.0]}), "other-layout"),
                       (tmp_path / "words.parquet", "wrong-type")):
        with pytest.raises(EventFileError, match=code):
            FlavorClassFile(path)
    noise = np.random.default_rng(1).random(2000)
    damaged = _write(tmp_path / "damaged.parquet", dict.fromkeys(names()[:3], noise), 2000)
    content = bytearray(damaged.read_bytes())
    content[200:6000] = b"x" * 5800
    damaged.write_bytes(content)
    with pytest.raises(EventFileError, match="damaged"):
        list(FlavorClassFile(damaged).batches(2000))
