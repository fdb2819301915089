"""Cut strings for selection: the cuts of :mod:`openbfactory.events.cuts`, which every room shares."""

from openbfactory.events.cuts import Cut, compile_cut

__all__ = ["Cut", "compile_cut"]
