"""What of the data may be seen: everything but the signal region, until the run is told to open it.

The signal region is the channel on resonance above ``signal_eta`` (eta > 0.94).
Its counts are not given to anything before the region is opened: no fit of
them, no table, no file.  The slice of eta below it and both channels off
resonance are shown at once, as the publication did.

Approximation: the data are one pseudo-experiment drawn from the templates of
the run, so they can show no difference between data and simulation.
"""

from __future__ import annotations

from openbfactory.fit.workspace import Workspace

#: channels that are hidden until the run is unblinded
HIDDEN = ("SR_on_resonance",)


def visible(workspace: Workspace, *, unblind: bool) -> Workspace:
    """The workspace with the channels whose data may be seen."""
    return workspace if unblind else workspace.select([n for n in workspace.channel_names if n not in HIDDEN])


def counts(workspace: Workspace) -> dict[str, list[float]]:
    """Counts of the channels of a workspace by name."""
    return {o.name: [float(v) for v in o.data] for o in workspace.content.observations}
