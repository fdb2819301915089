"""Pages of the event display, and the picture of its documentation.

    python examples/event_display.py [FOLDER]

makes B+ -> K+ nu nubar, generic B pairs and tau pairs, simulates the detector, writes one page of each into the folder
(``out/display`` by default) and draws one event of the B pairs into ``docs/pictures/event.svg`` where that exists.
"""

from __future__ import annotations

import sys
from pathlib import Path

from openbfactory.pipeline import generate_file, simulate_file
from openbfactory.pipeline.display import display_file, display_of
from openbfactory.report.display import render_picture

EVENTS, SEED = 60, 3
#: event of the picture: a K_S, a kink and a muon
PICTURE = ("charged", 25)
TARGET = Path("docs/pictures/event.svg")


def main(folder: Path) -> None:
    """Make files, pages and the picture."""
    folder.mkdir(parents=True, exist_ok=True)
    for sample in ("knunu", "charged", "taupair"):
        truth, detected = folder / f"{sample}_truth.parquet", folder / f"{sample}.parquet"
        generate_file(sample, EVENTS, SEED, truth)
        simulate_file(truth, "belle2", detected)
        display_file(detected, folder / f"{sample}.html", events="0:10")
        print(folder / f"{sample}.html")
    if TARGET.parent.is_dir():
        sample, number = PICTURE
        shown = display_of(folder / f"{sample}.parquet", events=str(number))
        hidden = ("mc-charged", "mc-photons", "mc-neutrals", "mc-neutrinos", "mc-vertices")
        TARGET.write_text(render_picture(shown, number, hide=hidden, extent="calorimeter"), encoding="utf-8")
        print(TARGET)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "out/display"))
