"""Track segments of the first-level trigger, tracks in the transverse plane, and neural tracks in three dimensions.

Method, as in the experiment's neural track trigger (belle2-neurotrigger,
basf2-neurotrigger): every superlayer of the drift chamber that a track crosses
gives a segment: the number of its priority wire and the drift distance on one
side of it, across the track.  The segments of axial superlayers are fitted by a
circle through the origin (azimuth and curvature).  For each superlayer a network
takes three numbers: the wire's azimuth relative to that circle, the drift
distance (with the sign of the side, 0 where that is not known) and the crossing
angle; three zeros for a superlayer without segment.  One hidden layer with tanh
gives z and theta at the origin.

A stereo wire's azimuth is ``phi + z tan(stereo) / r``, so that its segments
carry z.

The side is known with a probability that falls like the cosine of the crossing
angle (an estimate: the resolution in z at low momentum follows from it).

Approximation: one priority wire a superlayer, at its mean radius; drift time
linear in distance with a Gaussian resolution; wrong segments are flat in a window
around the right one; no merging of close tracks, no Hough grid (the circle is a
least-squares fit), no beam-background tracks made of wrong segments alone.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from openbfactory.core.kernels import kernel
from openbfactory.core.units import pt_per_tesla_cm
from openbfactory.simulate.trigger_card import NetworkNumbers, SegmentNumbers

Array = npt.NDArray[Any]

#: an uniform number between -w and w has the standard deviation w / sqrt(3)
FLAT = 1.0 / math.sqrt(3.0)
#: largest sine of a crossing angle that the fit follows
STEEPEST = 0.98
#: step in curvature [1/cm] where the fit ends: 1 mrad over a metre
SMALL = 1e-5
#: tanh is 1 - 1e-4 here, where its continued fraction is cut off
FLAT_TANH = np.float32(4.97)


@kernel
def crossing(helix: Array, radius: float) -> tuple[bool, float, float, float]:
    """Whether a helix reaches a radius [cm]; azimuth, z [cm] and cosine of the angle to the radius where it leaves it.

    The chord from the POCA is ``sqrt((r^2 - d0^2) / (1 + omega d0))`` and turned by ``-asin(omega chord / 2)``, see
    :func:`openbfactory.simulate.surface.arc_to_radius`; d0 adds the angle between the point seen from POCA and origin.
    """
    d0, omega = helix[0], helix[2]
    stretch = 1.0 + omega * d0
    if radius < abs(d0) or stretch <= 0.0:
        return False, 0.0, 0.0, 1.0
    chord = math.sqrt((radius * radius - d0 * d0) / stretch)
    sine = 0.5 * omega * chord
    if abs(sine) >= 1.0:
        return False, 0.0, 0.0, 1.0
    turn = math.asin(sine)
    arc = 2.0 * turn / omega if abs(sine) > 1e-8 else chord
    cosine = math.sqrt(1.0 - sine * sine)
    aside = -d0 * cosine / (chord + d0 * sine)
    azimuth = helix[1] - turn + (aside if abs(aside) < 0.03 else math.atan(aside))
    return True, azimuth, helix[3] + arc * helix[4], cosine


@kernel
def axial_segments(helix: Array, card: SegmentNumbers, rng: np.random.Generator) -> int:
    """Bits of the axial superlayers with a segment of a track; 0 when they are too few to make a track."""
    rows = card.superlayers
    bits, count = 0, 0
    for s in range(len(rows)):
        if rows[s, 4] != 0.0:
            continue
        reached, _, z, _ = crossing(helix, rows[s, 0])
        if not reached:
            break
        if rows[s, 1] < z < rows[s, 2] and rng.random() < card.efficiency:
            bits |= 1 << s
            count += 1
    return bits if count >= card.least_axial else 0


@kernel
def measure_segments(helix: Array, bits: int, shift: float, card: SegmentNumbers, rng: np.random.Generator,
                     out: Array) -> int:
    """Write wire, signed drift distance and its uncertainty [cm] of each superlayer; bits of those with a segment.

    Parameters
    ----------
    bits
        Axial superlayers with a segment; stereo superlayers are drawn here.
    shift
        Common shift of the drift distances [cm].
    out : (k, 3)
        Wire number (at z = 0), drift distance, uncertainty.
    """
    rows = card.superlayers
    for s in range(len(rows)):
        radius, cells, stereo = rows[s, 0], rows[s, 3], rows[s, 4]
        reached, azimuth, z, cosine = crossing(helix, radius)
        if not reached:
            break
        if stereo != 0.0 and rows[s, 1] < z < rows[s, 2] and rng.random() < card.efficiency:
            bits |= 1 << s
        if not bits & (1 << s):
            continue
        half_cell = math.pi * radius / cells
        place = (azimuth - stereo * z / radius) * cells / (2.0 * math.pi)
        if rng.random() < card.noise:
            place += card.window * (2.0 * rng.random() - 1.0)
        wire = math.floor(place + 0.5)
        drift = 2.0 * half_cell * (place - wire) * cosine
        drift += card.position * rng.standard_normal() + (shift if drift > 0.0 else -shift)
        known = rng.random() < card.known_side * cosine
        out[s, 0], out[s, 1] = wire, (min(max(drift, -half_cell), half_cell) if known else 0.0)
        out[s, 2] = card.position if known else half_cell * FLAT
    return bits


@kernel
def fit_circle(bits: int, measured: Array, card: SegmentNumbers) -> tuple[float, float]:
    """Azimuth at the origin and curvature [1/cm] of the circle through the origin and the axial segments.

    Least squares of ``phi = phi0 - asin(omega r / 2)``, drift distances across the track, by steps of Gauss and Newton
    from a straight line, until the curvature changes by less than :data:`SMALL` (six steps at most).
    """
    rows = card.superlayers
    reference, started = 0.0, False
    phi0, omega = 0.0, 0.0
    for _ in range(6):
        s11, s12, s22, g1, g2 = 0.0, 0.0, 0.0, 0.0, 0.0
        for s in range(len(rows)):
            if rows[s, 4] != 0.0 or not bits & (1 << s):
                continue
            radius = rows[s, 0]
            sine = min(max(0.5 * omega * radius, -STEEPEST), STEEPEST)
            cosine = math.sqrt(1.0 - sine * sine)
            angle = 2.0 * math.pi * measured[s, 0] / rows[s, 3] + measured[s, 1] / (radius * cosine)
            if not started:
                reference, started = angle, True
            angle -= reference
            angle -= 2.0 * math.pi * math.floor(angle / (2.0 * math.pi) + 0.5)
            slope = -0.5 * radius / cosine
            residual = angle - phi0 + math.asin(sine)
            weight = (radius * cosine / measured[s, 2]) ** 2
            s11 += weight
            s12 += weight * slope
            s22 += weight * slope * slope
            g1 += weight * residual
            g2 += weight * slope * residual
        determinant = s11 * s22 - s12 * s12
        step = (s11 * g2 - s12 * g1) / determinant
        phi0 += (s22 * g1 - s12 * g2) / determinant
        omega += step
        if abs(step) < SMALL:
            break
    return reference + phi0, omega


@kernel
def network_inputs(bits: int, measured: Array, phi0: float, omega: float, card: SegmentNumbers, inputs: Array) -> int:
    """Write the inputs (3 k,) of the network; the number of stereo segments among them.

    The azimuth is in units of the largest shift that the stereo angle makes in the chamber (of one cell where the
    wires are axial), the drift distance in half cells, the crossing angle in units of pi/2.
    """
    rows = card.superlayers
    stereo_count = 0
    for s in range(len(rows)):
        i = 3 * s
        inputs[i], inputs[i + 1], inputs[i + 2] = 0.0, 0.0, 0.0
        if not bits & (1 << s):
            continue
        radius, cells, stereo = rows[s, 0], rows[s, 3], rows[s, 4]
        crossing = math.asin(min(max(0.5 * omega * radius, -1.0), 1.0))
        relative = measured[s, 0] - (phi0 - crossing) * cells / (2.0 * math.pi)
        relative -= cells * math.floor(relative / cells + 0.5)
        reach = abs(stereo) * max(rows[s, 2], -rows[s, 1]) * cells / (2.0 * math.pi * radius)
        inputs[i] = relative / (reach if stereo != 0.0 else 1.0)
        inputs[i + 1] = measured[s, 1] * cells / (math.pi * radius)
        inputs[i + 2] = crossing / (0.5 * math.pi)
        stereo_count += stereo != 0.0
    return stereo_count


@kernel
def evaluate(inputs: Array, network: NetworkNumbers, hidden: Array) -> tuple[float, float]:
    """Origin z [cm] and theta [rad] that the network makes of its inputs; ``hidden`` is scratch, single precision."""
    weights, size = network.hidden, network.hidden.shape[1]
    last = weights.shape[0] - 1
    for j in range(size):
        hidden[j] = weights[last, j]
    for i in range(last):
        x = inputs[i]
        if x != 0.0:
            for j in range(size):
                hidden[j] += x * weights[i, j]
    for j in range(size):
        # tanh by Lambert's continued fraction
        x = min(max(hidden[j], -FLAT_TANH), FLAT_TANH)
        t = x * x
        over = np.float32(135135.0) + t * (np.float32(17325.0) + t * (np.float32(378.0) + t))
        under = np.float32(135135.0) + t * (np.float32(62370.0) + t * (np.float32(3150.0) + t * np.float32(28.0)))
        hidden[j] = x * over / under
    z, theta = network.output[0, size], network.output[1, size]
    for j in range(size):
        z += hidden[j] * network.output[0, j]
        theta += hidden[j] * network.output[1, j]
    return network.z_scale * math.tanh(z), network.theta_mean + network.theta_scale * math.tanh(theta)


@kernel
def neural_track(helix: Array, bits: int, shift: float, card: SegmentNumbers, network: NetworkNumbers,
                 rng: np.random.Generator, measured: Array, inputs: Array,
                 hidden: Array) -> tuple[bool, float, float, float]:
    """Whether a track has a neural track, and its z [cm], theta [rad] and transverse momentum [GeV].

    Parameters
    ----------
    helix : (5,)
        Track.
    bits
        Its axial superlayers with a segment.
    shift
        Common shift of the event's drift distances [cm].
    measured : (k, 3); inputs : (3 k,); hidden : (n,)
        Scratch, the last two in single precision.
    """
    bits = measure_segments(helix, bits, shift, card, rng, measured)
    phi0, omega = fit_circle(bits, measured, card)
    if network_inputs(bits, measured, phi0, omega, card, inputs) < card.least_stereo:
        return False, 0.0, 0.0, 0.0
    z, theta = evaluate(inputs, network, hidden)
    return True, z, theta, card.field * pt_per_tesla_cm / max(abs(omega), 1e-9)


@njit(cache=True, error_model="numpy")
def track_in_three(helix: Array, card: SegmentNumbers, network: NetworkNumbers, rng: np.random.Generator) -> Array:
    """Trigger tracks (m, 5) of helices (m, 5), each in an event of its own.

    Columns: 1 where there is a track in the transverse plane, 1 where there is a neural track, its z [cm], theta [rad]
    and transverse momentum [GeV].
    """
    out = np.zeros((len(helix), 5))
    k = len(card.superlayers)
    measured, inputs = np.zeros((k, 3)), np.zeros(3 * k, np.float32)
    hidden = np.zeros(network.hidden.shape[1], np.float32)
    for i in range(len(helix)):
        bits = axial_segments(helix[i], card, rng)
        if bits == 0:
            continue
        shift = card.event_time * rng.standard_normal()
        found, z, theta, pt = neural_track(helix[i], bits, shift, card, network, rng, measured, inputs, hidden)
        out[i, 0], out[i, 1], out[i, 2], out[i, 3], out[i, 4] = 1.0, (1.0 if found else 0.0), z, theta, pt
    return out


@njit(cache=True, error_model="numpy")
def network_sample(helix: Array, card: SegmentNumbers, rng: np.random.Generator, inputs: Array) -> Array:
    """Whether each helix (m, 5) has a neural track, (m,); ``inputs`` (m, 3 k, single precision) are set."""
    found = np.zeros(len(helix), np.bool_)
    measured = np.zeros((len(card.superlayers), 3))
    for i in range(len(helix)):
        bits = axial_segments(helix[i], card, rng)
        if bits != 0:
            bits = measure_segments(helix[i], bits, card.event_time * rng.standard_normal(), card, rng, measured)
            phi0, omega = fit_circle(bits, measured, card)
            found[i] = network_inputs(bits, measured, phi0, omega, card, inputs[i]) >= card.least_stereo
    return found
