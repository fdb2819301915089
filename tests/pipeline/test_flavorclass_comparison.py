"""Oracle: a file of the same layout from our own simulation with another seed, plain and with a planted shift.

Some of 395 columns reach the limit of 1e-3 / 395 by chance once in 1 000 runs; seeds are fixed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from openbfactory.core.errors import EventFileError, PipelineError
from openbfactory.events.flavorclass import LABEL, TRACKS, column, names
from openbfactory.experiment import load_card
from openbfactory.pipeline.flavorclass import compare_flavorclass, simulated_columns, write_flavorclass

EVENTS = 2500
LIMIT = 1e-3 / 395
SHIFTED = column(TRACKS, "useCMSFrame(p)", 2)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flavorclass") / "other.parquet"
    assert write_flavorclass(path, EVENTS, seed=404, chunk_size=1000) > 0.98 * EVENTS
    return path


def test_columns_are_those_of_their_definitions() -> None:
    found = next(simulated_columns(400, seed=8))
    assert list(found) == names()
    p = np.column_stack([found[column(TRACKS, "useCMSFrame(p)", i + 1)] for i in range(10)])
    there = np.isfinite(p)
    number = np.round(found[column(TRACKS, "countInList(pi+:tflat)/6", 1)] * 6)
    assert np.array_equal(there.sum(axis=1), np.minimum(number, 10))
    assert np.all(there[:, :-1] >= there[:, 1:])
    assert np.all(found[column(TRACKS, "dxdiff", 1)] == 0)
    assert set(found[column(TRACKS, "charge", 1)]) == {-1.0, 1.0}
    assert set(found[LABEL]) == {0.0, 1.0}
    assert np.all(found[column(TRACKS, "ptTracksRoe(TFLATDefaultMask)", 1)] > 0)
    assert load_card("belle2").machine.sqrt_s / 2 > np.nanmax(p)


def test_another_seed_agrees_and_a_shift_is_found(file: Path, tmp_path: Path) -> None:
    done = compare_flavorclass(file, EVENTS, seed=1)
    assert len(done.columns) == 395
    assert not list(done.findings)
    assert [c.name for c in done.columns if c.probability < LIMIT] == []
    table = pq.read_table(file)
    values = table[SHIFTED].to_numpy() + 0.06
    label = 2 * table[LABEL].to_numpy() - 1  # flavours of -1 and +1 are read as 0 and 1
    for name, changed in ((SHIFTED, values), (LABEL, label)):
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(changed.astype(np.float32)))
    pq.write_table(table, tmp_path / "shifted.parquet")
    planted = compare_flavorclass(tmp_path / "shifted.parquet", EVENTS, seed=1)
    assert planted.columns[0].name == SHIFTED
    assert [c.name for c in planted.columns if c.probability < LIMIT] == [SHIFTED]
    assert planted.columns[0].means[0] - planted.columns[0].means[1] == pytest.approx(0.06, abs=0.03)


def test_the_command_writes_a_page_and_names_absent_columns(file: Path, tmp_path: Path, obf) -> None:
    kept = [SHIFTED, column(TRACKS, "kaonID", 1), LABEL]
    table = pq.read_table(file, columns=kept).append_column("mine", pa.array(np.zeros(pq.read_metadata(file).num_rows)))
    pq.write_table(table, tmp_path / "few.parquet")
    code, out, err = obf("compare", "flavorclass", tmp_path / "few.parquet", "--events", 500, "--output",
                         tmp_path / "pages/page.html")
    assert code == 0, err
    assert out.count("missing-column") == 392
    assert "unknown-column" in out
    assert "3 columns, 500 rows of the file" in out
    page = (tmp_path / "pages" / "page.html").read_text()
    assert page.count("<img") == 3
    assert "useCMSFrame(p), 2)" in page
    assert "missing-column" in page


def test_bad_input_is_named(tmp_path: Path, obf) -> None:
    empty = pa.table({name: pa.array([], pa.float32()) for name in names()})
    pq.write_table(empty, tmp_path / "empty.parquet")
    with pytest.raises(EventFileError, match="no-rows"):
        compare_flavorclass(tmp_path / "empty.parquet")
    with pytest.raises(PipelineError, match="at least one event"):
        next(simulated_columns(0, seed=1))
    code, _, err = obf("compare", "flavorclass", tmp_path / "absent.parquet")
    assert code == 1
    assert "unreadable" in err
