"""Event display: one self-contained page with the detector, tracks, clusters and truth of some events.

What to use when: :mod:`openbfactory.pipeline.display` prepares the plain records of :mod:`.records` from an event
file; :func:`.page.render_display` draws them.  Nothing is computed here but the projection onto the page.
"""

from openbfactory.report.display.page import render_display, render_picture, write_display
from openbfactory.report.display.records import (
    Arrow,
    Candidate,
    Curve,
    Display,
    Node,
    Outline,
    Property,
    Scene,
    Tower,
    TriggerLine,
    Vertex,
)

__all__ = ["Arrow", "Candidate", "Curve", "Display", "Node", "Outline", "Property", "Scene", "Tower", "TriggerLine",
           "Vertex", "render_display", "render_picture", "write_display"]
