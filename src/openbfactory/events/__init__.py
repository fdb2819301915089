"""The event data model: columns declared once; Parquet, ROOT and HepMC3 in and out."""

from openbfactory.events.files import (
    EventFileWarning,
    EventWriter,
    check_file,
    count,
    iterate,
    metadata,
    open_writer,
    read,
    write,
)
from openbfactory.events.record import Events, Jagged

__all__ = ["EventFileWarning", "EventWriter", "Events", "Jagged", "check_file", "count", "iterate", "metadata",
           "open_writer", "read", "write"]
