"""Machines and detectors as cards: data that a user can edit, with sources."""

from openbfactory.experiment.card import DETECTORS, Card, card_names, check_card, load_card
from openbfactory.experiment.machine import Beam, LuminousRegion, Machine

__all__ = ["DETECTORS", "Beam", "Card", "LuminousRegion", "Machine", "card_names", "check_card", "load_card"]
