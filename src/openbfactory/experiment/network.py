"""The network of a three-dimensional track trigger: weights made by training, an input like a card.

A card names a JSON file (beside the card, or packaged); loading puts its content
in the place of the name.  The file says for which drift chamber the network was
trained; :func:`check_network` reports a card with another one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from openbfactory.core.config import Config, digest, path_text
from openbfactory.core.diagnostics import Findings, nearest

if TYPE_CHECKING:
    from openbfactory.experiment.detector import Detector

PLACE = ("detector", "trigger", "segments", "network")
#: digits of a weight in a file
DIGITS = 5


class Network(Config):
    """A multilayer perceptron with one hidden layer, tanh in both layers.

    Attributes
    ----------
    geometry
        Hash of the drift chamber it was trained for.
    seed, tracks, epochs
        How it was trained.
    z_scale, theta_min, theta_max
        Outputs -1 and 1 mean z = -+ ``z_scale`` [cm], theta = ``theta_min`` and ``theta_max`` [rad].
    hidden
        A row for each hidden neuron: weights of the inputs (three a superlayer), then the threshold.
    output
        A row each for z and theta: weights of the hidden neurons, then the threshold.
    """

    geometry: str
    seed: int
    tracks: int
    epochs: int
    z_scale: float = Field(gt=0)
    theta_min: float
    theta_max: float
    hidden: tuple[tuple[float, ...], ...] = Field(min_length=1)
    output: tuple[tuple[float, ...], tuple[float, ...]]

    @model_validator(mode="after")
    def _rectangular(self) -> Self:
        widths = {len(row) for row in self.hidden}
        if len(widths) != 1 or {len(row) for row in self.output} != {len(self.hidden) + 1}:
            raise PydanticCustomError("network_shape", "rows of equal length that fit to each other")
        return self

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return len(self.hidden[0]) - 1


def write_network(network: Network, path: Path) -> None:
    """Write a network as JSON, one neuron a line, numbers with :data:`DIGITS` digits."""
    head = network.model_dump(exclude={"hidden", "output"})
    lines = [f" {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    for key, rows in (("hidden", network.hidden), ("output", network.output)):
        texts = ["  [" + ", ".join(f"{v:.{DIGITS}g}" for v in row) + "]" for row in rows]
        lines.append(f" {json.dumps(key)}: [\n" + ",\n".join(texts) + "\n ]" + ("," if key == "hidden" else ""))
    path.write_text("{\n" + "\n".join(lines) + "\n}\n", encoding="utf-8")


def read_network(document: Any, folders: tuple[Path, ...], lines: dict[tuple[str, ...], int],
                 findings: Findings) -> None:
    """Put the content of the network's file in the place of its name in a card's document.

    Parameters
    ----------
    folders
        Where the file may be, first found first taken; none to leave the network out.
    """
    node = document
    for key in PLACE[:-1]:
        node = node.get(key) if isinstance(node, dict) else None
    name = node.get(PLACE[-1]) if isinstance(node, dict) else None
    if not isinstance(name, str):
        return
    node[PLACE[-1]] = None
    if not folders:
        return
    where = path_text(PLACE, lines)
    path = next((folder / name for folder in folders if (folder / name).is_file()), None)
    if path is None:
        there = [p.name for folder in folders for p in folder.glob("*.json")]
        findings.error("network-absent", where, f"there is no file '{name}'", nearest=nearest(name, there),
                       expected="a file made by 'obf train trigger', beside the card")
        return
    try:
        node[PLACE[-1]] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        findings.error("network-unreadable", where, f"'{name}' is not a JSON file",
                       expected="a file made by 'obf train trigger'")


def geometry(detector: Detector) -> str:
    """Hash of what a network of the track trigger depends on: drift chamber, its cells and the field."""
    segments = detector.trigger.segments
    layers = [r for r in detector.tracking.layers.rows if r.system == "CDC" and r.hits > 0]
    stereo = [r.resolution_u / r.resolution_v if r.resolution_v else 0.0 for r in layers]
    rows = [[round(v, 6) for v in (r.inner, r.outer, r.z_min, r.z_max, s)] for r, s in zip(layers, stereo, strict=True)]
    return digest([rows, [] if segments is None else list(segments.cells), detector.field.value])


def check_network(detector: Detector, lines: dict[tuple[str, ...], int], findings: Findings) -> None:
    """Add findings about track segments that do not fit to the drift chamber, and a network made for another one."""
    segments = detector.trigger.segments
    if segments is None:
        return
    layers = sum(r.system == "CDC" and r.hits > 0 for r in detector.tracking.layers.rows)
    if len(segments.cells) != layers:
        findings.error("cells-of-superlayers", path_text((*PLACE[:-1], "cells"), lines),
                       f"{len(segments.cells)} numbers of cells for {layers} superlayers of the drift chamber",
                       expected=f"{layers} numbers")
    network = segments.network
    if network is None:
        return
    if network.inputs != 3 * len(segments.cells):
        findings.error("network-inputs", path_text(PLACE, lines),
                       f"the network has {network.inputs} inputs for {len(segments.cells)} superlayers",
                       expected="3 inputs a superlayer: train it anew with 'obf train trigger'")
    elif network.geometry != geometry(detector):
        findings.warning("network-of-other-geometry", path_text(PLACE, lines),
                         "the network was trained for another drift chamber, cells or field",
                         expected="a network trained for this card with 'obf train trigger'")
