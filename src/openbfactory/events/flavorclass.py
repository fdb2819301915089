"""The public data set FlavorClass: Upsilon(4S) -> B0 anti-B0, one of them to nu nubar, fully simulated.

Zenodo record 19632131: 12 million events simulated and reconstructed with basf2.  One row an event: 27 features of each
of the 10 tracks and 6 of each of the 20 calorimeter clusters with the highest momentum, 4 numbers of the rest of event,
and the flavour of the other B.  Names follow ``getVariableByRank(LIST, RANKED BY, VARIABLE, RANK)``; what is not there
is NaN.

The names are those that the authors' tool reads (github BenjaminSchwenker/tflat).  There the distances of a track
(``dxdiff`` ...) are those to the track of highest momentum, whose own are 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from openbfactory.core.diagnostics import Findings, nearest
from openbfactory.core.errors import EventFileError
from openbfactory.events.ntuples import RESERVED, unescape

Array = npt.NDArray[np.float64]

#: reference of the data set
SOURCE = "flavorclass-2026"
TRACKS, CLUSTERS, RANKED_BY = "pi+:tflat", "gamma:tflat", "p"
N_TRACKS, N_CLUSTERS = 10, 20
TRACK_FEATURES: tuple[str, ...] = (
    "charge", "useCMSFrame(p)", "useCMSFrame(cosTheta)", "useCMSFrame(phi)", "electronID", "muonID", "kaonID", "pionID",
    "protonID",
    *(f"pidPairProbabilityExpert(321, 211, {d})" for d in ("CDC", "TOP", "ARICH")),
    *(f"pidPairProbabilityExpert(11, 211, {d})" for d in ("TOP", "ARICH", "ECL")),
    *(f"pidPairProbabilityExpert(13, 211, {d})" for d in ("TOP", "ARICH", "KLM")),
    *(f"pidPairProbabilityExpert(211, 321, {d})" for d in ("TOP", "ARICH")),
    "nPXDHits/2", "nSVDHits/8", "dxdiff", "dydiff", "dzdiff", "clusterEoP", "clusterLAT")
CLUSTER_FEATURES: tuple[str, ...] = ("useCMSFrame(p)", "useCMSFrame(cosTheta)", "useCMSFrame(phi)", "clusterE1E9",
                                     "clusterE9E21", "clusterLAT")
REST_FEATURES: tuple[str, ...] = ("countInList(gamma:tflat)/8", "countInList(pi+:tflat)/6", "NumberOfKShortsInRoe",
                                  "ptTracksRoe(TFLATDefaultMask)")
#: flavour of the other B: 0 and 1, or -1 and +1, for anti-B0 and B0
LABEL = "qrCombined"
#: rows that are read at once
BATCH = 20_000


def column(particles: str, feature: str, rank: int) -> str:
    """Name of a column."""
    return f"getVariableByRank({particles}, {RANKED_BY}, {feature}, {rank})"


def columns_of(particles: str, feature: str) -> list[str]:
    """Columns of a feature of tracks or clusters, the highest momentum first."""
    return [column(particles, feature, rank + 1) for rank in range(N_TRACKS if particles == TRACKS else N_CLUSTERS)]


def groups() -> dict[str, list[str]]:
    """Every column but the label, by what it shows."""
    found = {f"tracks: {f}": columns_of(TRACKS, f) for f in TRACK_FEATURES}
    found |= {f"clusters: {f}": columns_of(CLUSTERS, f) for f in CLUSTER_FEATURES}
    return found | {f"rest of event: {f}": [column(TRACKS, f, 1)] for f in REST_FEATURES}


def names() -> list[str]:
    """Every column of the data set, the label last."""
    return [*(name for group in groups().values() for name in group), LABEL]


class FlavorClassFile:
    """A file of the data set, opened and checked; it is read in batches.

    Attributes
    ----------
    path
        The file.
    rows
        Number of rows.
    known
        Columns of the layout that the file has, in the order of the layout.
    findings
        A warning for every column of the layout that is absent and every other one that is not known.
    """

    def __init__(self, path: str | Path) -> None:
        """Open a file.

        Raises
        ------
        EventFileError
            When it cannot be read, holds no column of the layout, or one that is no number.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.path, self.findings = Path(path), Findings(str(path))
        try:
            self._file = pq.ParquetFile(self.path)
        except (OSError, pa.ArrowException) as problem:
            self.findings.error("unreadable", "", f"cannot read the file: {str(problem).splitlines()[0][:200]}",
                                expected="a Parquet file")
            raise EventFileError(self.findings) from None
        schema = self._file.schema_arrow
        self._stored = {unescape(field.name): field.name for field in schema}
        self.rows = int(self._file.metadata.num_rows)
        wanted = names()
        self.known = tuple(name for name in wanted if name in self._stored)
        for name in wanted:
            if name not in self._stored:
                self.findings.warning("missing-column", name, "the file lacks a column of the data set",
                                      nearest=nearest(name, self._stored))
        for name in self._stored:
            if name not in wanted and name not in RESERVED:
                self.findings.warning("unknown-column", name, "not a column of the data set",
                                      nearest=nearest(name, wanted))
        for name in self.known:
            kind = schema.field(self._stored[name]).type
            if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
                self.findings.error("wrong-type", name, f"the column holds {kind}", expected="numbers")
        if not self.known:
            self.findings.error("other-layout", "", "the file has no column of the data set FlavorClass",
                                expected=f"columns such as {wanted[0]}")
        self.findings.raise_if_errors(EventFileError)

    def batches(self, rows: int, wanted: Sequence[str] | None = None) -> Iterator[dict[str, Array]]:
        """The first ``rows`` rows in pieces of at most :data:`BATCH`, as columns of numbers.

        Raises
        ------
        EventFileError
            When the content is damaged.
        """
        import pyarrow as pa

        chosen, left = list(self.known if wanted is None else wanted), rows
        try:
            for batch in self._file.iter_batches(BATCH, columns=[self._stored[name] for name in chosen]):
                if left <= 0:
                    return
                part = batch.slice(0, left)
                left -= part.num_rows
                found = {}
                for name in chosen:
                    values = part.column(self._stored[name])
                    numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
                    found[name] = np.asarray(numbers, np.float64)
                yield found
        except (OSError, pa.ArrowException) as problem:
            self.findings.error("damaged", "", f"the content cannot be read: {str(problem).splitlines()[0][:200]}")
            raise EventFileError(self.findings) from None
