"""Every variable of a candidate by name: unit, meaning, source, and how it is computed.

Names are those of basf2.  :data:`VOCABULARY` is the registry that cut strings,
the command line and the documentation share.
"""

from openbfactory.reconstruct.definitions import Definition
from openbfactory.reconstruct.vocabulary.clusters import CLUSTERS
from openbfactory.reconstruct.vocabulary.event import EVENT
from openbfactory.reconstruct.vocabulary.identity import IDENTITY
from openbfactory.reconstruct.vocabulary.kinematics import KINEMATICS
from openbfactory.reconstruct.vocabulary.meta import META
from openbfactory.reconstruct.vocabulary.rest import REST
from openbfactory.reconstruct.vocabulary.tag import TAG
from openbfactory.reconstruct.vocabulary.tracks import TRACKS
from openbfactory.reconstruct.vocabulary.truth import TRUTH
from openbfactory.reconstruct.vocabulary.vertices import VERTICES

#: name to definition
VOCABULARY: dict[str, Definition] = {**KINEMATICS, **TRACKS, **IDENTITY, **CLUSTERS, **VERTICES, **EVENT, **REST,
                                     **TAG, **TRUTH, **META}

__all__ = ["VOCABULARY"]
