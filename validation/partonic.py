"""Partonic decays against Pythia alone: the same channels declared on the mother itself, decayed one at a time.

The program hadronises copies of the mothers in blocks and scales what comes back to the mass at hand; here Pythia gets
the channels on the mother's own code and decays it at rest, event by event, with the same settings and hadron masses.
Compared: the number of primary hadrons, the content of charm, strangeness and baryons, and the rate of each hadron.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from validation.closed_forms import events_of
from validation.histograms import Histogram
from validation.rows import Row

EVENTS = 20_000
MOTHERS = ("B+", "B0", "B_s0", "J/psi")
#: hadrons with fewer in either sample have no row
FEWEST = 300
Array = npt.NDArray[Any]


def rows() -> list[Row]:
    """Rows of all mothers."""
    return [row for mother in MOTHERS for row in _mother(mother)]


def _mother(mother: str) -> list[Row]:
    """Rows of one mother."""
    text, declared = _channels(mother)
    particles = events_of(text, mother, EVENTS, f"partonic/{mother}")
    event = np.repeat(np.arange(EVENTS), particles.counts)
    first = np.asarray(particles["mother"]) == 0
    ours = (event[first], np.asarray(particles["PDG"])[first])
    theirs = _alone(mother, declared)
    made = [_multiplicity(mother, ours[0], theirs[0])]
    for what, count in (("charm", _charm), ("strangeness", _strangeness), ("baryons and antibaryons", _baryons)):
        made.append(_mean(f"{mother} partonic: {what} a decay", ours, theirs, count))
    rate = Counter(np.abs(theirs[1]).tolist())
    for code in sorted(code for code, n in rate.items() if n >= FEWEST):
        made.append(_mean(f"{mother} partonic: hadrons {code} a decay", ours, theirs,
                          lambda codes, c=code: (np.abs(codes) == c).astype(float)))
    return made


def _channels(mother: str) -> tuple[str, list[str]]:
    """Decay text with the partonic channels of a mother alone, and the same channels for Pythia."""
    from openbfactory.generate.hadronise import _channels as partonic
    from openbfactory.physics.decaycache import load_decay_table

    table = load_decay_table()
    s = table.index[mother]
    lines, declared = [f"noPhotos\nDecay {mother}\n"], []
    for c in table.channels_of(mother):
        for mode, products in partonic(table, c, s):
            names = " ".join(str(table.names[d])
                             for d in table.daughters[table.daughter_first[c]:table.daughter_first[c + 1]])
            lines.append(f"{float(table.fraction[c])!r} {names} PYTHIA {mode};\n")
            declared.append(f"Channel = 1 {float(table.fraction[c])!r} {mode} {products}")
    return "".join([*lines, "Enddecay\n"]), declared


def _alone(mother: str, declared: list[str]) -> tuple[Array, Array]:
    """Event numbers and codes of the primary hadrons that Pythia makes from the mother at rest."""
    import pythia8mc

    from openbfactory.generate.hadronise import _hadrons
    from openbfactory.generate.pythia import pythia_data
    from openbfactory.physics.decaycache import load_decay_table

    table = load_decay_table()
    s = table.index[mother]
    code, mass = int(table.pdg[s]), float(table.mass[s])
    instance = pythia8mc.Pythia("", False)
    for line in ("Print:quiet = on", "ProcessLevel:all = off", "Random:setSeed = on", "Random:seed = 77",
                 *(setting.text for setting in pythia_data().decays)):
        instance.readString(line)
    other = 1
    while other := instance.particleData.nextId(other):
        instance.readString(f"{other}:mayDecay = off")
    for line in _hadrons(table):
        if instance.particleData.isHadron(int(line.split(":")[0])):
            instance.readString(line, False)
    for k, channel in enumerate(declared):
        instance.readString(f"{code}:{'one' if k == 0 else 'add'}{channel}")
    instance.readString(f"{code}:mayDecay = on")
    instance.init()
    numbers, codes = [], []
    for event in range(EVENTS):
        instance.event.reset()
        instance.event.append(code, 1, 0, 0, 0.0, 0.0, 0.0, mass, mass)
        instance.next()
        final = [p.id() for p in instance.event if p.isFinal()]
        numbers += [event] * len(final)
        codes += final
    return np.array(numbers), np.array(codes)


def _multiplicity(mother: str, ours: Array, theirs: Array) -> Row:
    """Row of the distribution of the number of primary hadrons."""
    edges = np.arange(14) + 0.5
    here, there = (np.histogram(np.bincount(x, minlength=EVENTS), edges)[0] for x in (ours, theirs))
    return Histogram(f"{mother} partonic: primary hadrons", (edges,), here, here, there).row()


def _mean(what: str, ours: tuple[Array, Array], theirs: tuple[Array, Array], count: Any) -> Row:
    """Row of a mean number a decay, tolerance 4.5 standard deviations of both."""
    here, there = (np.bincount(event, count(codes), minlength=EVENTS) for event, codes in (ours, theirs))
    spread = 4.5 * np.sqrt((here.var() + there.var()) / EVENTS)
    return Row(what, float(there.mean()), float(here.mean()), float(spread))


def _digits(codes: Array) -> list[Array]:
    """Quark digits of absolute codes, zero for what are no hadrons."""
    size = np.abs(codes) % 10_000
    return [np.where(size > 100, size // n % 10, 0) for n in (1000, 100, 10)]


def _charm(codes: Array) -> Array:
    """Charm and anticharm quarks of open-charm hadrons and charmonia."""
    return sum((d == 4).astype(float) for d in _digits(codes))


def _strangeness(codes: Array) -> Array:
    """Strange quarks and antiquarks of hadrons with strangeness (K_S and K_L count one)."""
    digits = _digits(codes)
    hidden = (digits[0] == 0) & (digits[1] == digits[2])
    total = sum((d == 3).astype(float) for d in digits)
    return np.where(hidden, 0.0, total)


def _baryons(codes: Array) -> Array:
    """Baryons and antibaryons."""
    found: Array = (_digits(codes)[0] > 0).astype(float)
    return found
