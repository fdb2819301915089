"""Detector objects to candidates: particle lists, decay strings, variables, vertices, event shape, tags.

:class:`Reconstruction` is what an analyst talks to; :data:`VOCABULARY` holds
every variable; :func:`parse_decay` reads decay strings.
"""

from openbfactory.reconstruct.decay_string import parse_decay
from openbfactory.reconstruct.lists import ParticleList
from openbfactory.reconstruct.reconstruction import Reconstruction
from openbfactory.reconstruct.vocabulary import VOCABULARY

__all__ = ["VOCABULARY", "ParticleList", "Reconstruction", "parse_decay"]
