"""Collisions to truth particles: decay engine, B pairs, continuum, lepton pairs, signals, particle gun."""

from openbfactory.generate.asked import unused_decays
from openbfactory.generate.counts import DecayCounts
from openbfactory.generate.engine import decay_events
from openbfactory.generate.filters import FILTERS, filtered
from openbfactory.generate.gun import particle_gun
from openbfactory.generate.parameters import Parameter, settled
from openbfactory.generate.reweighting import REWEIGHTINGS, reweighted
from openbfactory.generate.samples import SAMPLES, Sample, check_reweightings, enriched_events, generate_events

__all__ = ["FILTERS", "REWEIGHTINGS", "SAMPLES", "DecayCounts", "Parameter", "Sample", "check_reweightings",
           "decay_events", "enriched_events", "filtered", "generate_events", "particle_gun", "reweighted", "settled",
           "unused_decays"]
