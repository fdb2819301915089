"""The rows of the table: what is timed, with its unit; run one with ``python -m benchmarks.rows NAME``."""

from __future__ import annotations

import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.hadronic_tag import tagging
from benchmarks.pseudomass import edge_fit, plain_edge_fit
from benchmarks.simulation import simulate_stage, simulate_stored
from benchmarks.tagging import flavour_tags
from benchmarks.vertices import dstar_trees, finders, rests, two_track_vertices

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
Work = Callable[[int], object]


#: events of a chunk: what `obf generate` makes at once
CHUNK = 10_000


def generate(sample: str, *, photons: bool = True) -> Work:
    """Generation of one sample in chunks, each forgotten when the next is made."""
    from openbfactory.core.random import Address
    from openbfactory.experiment import load_card
    from openbfactory.generate import generate_events

    machine = load_card("belle2").machine
    user = Path(tempfile.mkdtemp()) / "user.dec"
    user.write_text("noPhotos\n")

    def work(n: int) -> None:
        for first in range(0, n, CHUNK):
            generate_events(sample, min(CHUNK, n - first), Address(1, sample, first), machine, first=first,
                            decays=None if photons else user)

    return work


def reconstruct_stage(sample: str) -> Work:
    """Inclusive-tag reconstruction of detector objects made beforehand."""
    from openbfactory.core.random import Address
    from openbfactory.experiment import load_card
    from openbfactory.generate import generate_events
    from openbfactory.reconstruct.config import InclusiveTagConfig
    from openbfactory.reconstruct.inclusive_tag import reconstruct_inclusive_tag
    from openbfactory.simulate import simulate

    card, config = load_card("belle2"), InclusiveTagConfig()
    made: dict[int, object] = {}

    def work(n: int) -> object:
        if n not in made:
            truth = generate_events(sample, n, Address(1, sample, n), card.machine)[0]
            made[n] = simulate(truth, card, Address(1, sample, n, "simulate"))
        return reconstruct_inclusive_tag(made[n], card.machine, config)

    return work


def dstar_lists(fit: bool) -> Work:
    """D*+ -> [D0 -> K- pi+] pi+ from particle lists of c cbar events made beforehand, with variables and truth."""
    from openbfactory.core.random import Address
    from openbfactory.experiment import load_card
    from openbfactory.generate import generate_events
    from openbfactory.reconstruct import Reconstruction
    from openbfactory.simulate import simulate

    card = load_card("belle2")
    truth = generate_events("ccbar", 4000, Address(1, "ccbar", 0), card.machine)[0]
    events = simulate(truth, card, Address(1, "ccbar", 0, "simulate"))

    def batch() -> object:
        r = Reconstruction.of_card(events, card)
        r.combine("D0:kpi -> K-:base pi+:base", "1.8 < M < 1.93")
        made = r.combine("D*+ -> D0:kpi pi+:base", "massDifference(0) < 0.16")
        if fit:
            r.fit(made, "tree", ip_constraint=True)
        return made.table(["M", "massDifference(0)", "daughter(0, M)", "useCMSFrame(p)", "chiProb", "isSignal"])

    return lambda n: [batch() for _ in range(max(n // 4000, 1))]


def chain(sample: str) -> Work:
    """Chunks of the B+ -> K+ nu nubar analysis: generate, simulate, reconstruct, weights; every second with variations.

    Every candidate is kept, as in the pilot.
    """
    from openbfactory.analyses.knunu.chunk import ChunkMaker
    from openbfactory.analyses.knunu.modelling import load_modelling
    from openbfactory.pipeline.chunks import ChunkTask
    from openbfactory.reconstruct.config import InclusiveTagConfig

    maker = ChunkMaker("belle2", InclusiveTagConfig(), (), modelling=load_modelling())
    return lambda n: [maker(ChunkTask(sample=sample, index=k, first=0, events=n // 2, seed=1)) for k in (0, 2)]


def pythia_alone(sample: str, *more: str) -> Work:
    """Pythia 8 from pip with Belle II fragmentation, its own decays, whole events to arrays."""
    from openbfactory.generate.pythia import pair_settings, pythia

    instance = pythia((*pair_settings(sample, 10.58), "HadronLevel:Decay = on", *more))
    return lambda n: instance.nextBatch(n)


def three_body(weighted: bool) -> Work:
    """Three-body phase space B -> K nu nubar."""
    import numpy as np

    from openbfactory.core.random import Address
    from openbfactory.kinematics.phasespace import phase_space, phase_space_weighted

    masses = np.array([0.493677, 0.0, 0.0])
    function = phase_space_weighted if weighted else phase_space
    return lambda n: function(5.27934, masses, n, Address(1, "phase space", n).generator())


def phasespace_package() -> Work:
    """The phasespace package from pip (TensorFlow), weighted."""
    import phasespace

    generator = phasespace.nbody_decay(5.27934, [0.493677, 0.0, 0.0])
    return lambda n: generator.generate(n_events=n)[0].numpy()


def published_fit() -> Work:
    """Best fit with all uncertainties, interval and significances of the published likelihood."""
    from openbfactory.fit.estimate import estimate

    path = SHARED / "belle2-knunu" / "combined_likelihood.json"
    if not path.exists():
        raise ImportError
    return lambda n: [estimate(path) for _ in range(n)]


def pyhf_fit() -> Work:
    """The same best fit with pyhf and minuit (estimate and its uncertainty alone)."""
    import pyhf

    path = SHARED / "belle2-knunu" / "combined_likelihood.json"
    if not path.exists():
        raise ImportError
    pyhf.set_backend("numpy", pyhf.optimize.minuit_optimizer(maxiter=1_000_000))
    workspace = pyhf.Workspace(json.loads(path.read_text()))
    model = workspace.model()
    data = workspace.data(model)
    return lambda n: [pyhf.infer.mle.fit(data, model, return_uncertainties=True) for _ in range(n)] if n > 1 else None


def published_path() -> Path:
    """File of the published likelihood; ImportError where it is absent."""
    path = SHARED / "belle2-knunu" / "combined_likelihood.json"
    if not path.exists():
        raise ImportError
    return path


def published_conditional() -> Work:
    """Conditional fit of the published likelihood at mu = 1, the best fit known."""
    from openbfactory.fit.estimate import analyse

    analysis = analyse(published_path())
    return lambda n: [analysis.fit.conditional(analysis.index, 1.0 + 0.01 * k) for k in range(n)]


def published_scan() -> Work:
    """Profile scan of 41 points of the published likelihood, the best fit included."""
    from openbfactory.fit.estimate import scan

    path = published_path()
    return lambda n: [scan(path, low=0.0, high=9.0, points=41) for _ in range(n)]


def resonance_toys() -> Work:
    """Background-only spectra scanned for a resonance at 260 masses, each window with a polynomial of order 2."""
    import numpy as np
    from scipy.stats import norm

    from openbfactory.fit.resonance import Hypothesis, ResonanceSearch

    edges = np.linspace(3.6, 10.0, 641)
    rate = 200 * np.exp(-(0.5 * (edges[1:] + edges[:-1]) - 3.6) / 3)
    tested = [Hypothesis(m, np.diff(norm.cdf(edges, m, 0.02)), (round(m - 0.6, 2), round(m + 0.6, 2)))
              for m in np.arange(4.2, 9.4, 0.02)]
    search = ResonanceSearch(edges, np.random.default_rng(1).poisson(rate).astype(float), tested)
    return lambda n: search.largest_excess(n, rate=rate)


def published_toys() -> Work:
    """Toys of the published likelihood: thrown with auxiliary measurements, fitted, with uncertainties."""
    from openbfactory.fit.estimate import analyse
    from openbfactory.fit.toys import fit_toys

    analysis = analyse(published_path())
    return lambda n: fit_toys(analysis, n)


def published_ranking() -> Work:
    """Ranking of all nuisances of the published likelihood, four refits each."""
    from openbfactory.fit.estimate import analyse
    from openbfactory.fit.impacts import ranking

    analysis = analyse(published_path())
    names = [n for n in analysis.fit.likelihood.model.parameters.names if n != "mu"]
    return lambda n: ranking(analysis, names[:n])


def published_limit() -> Work:
    """Upper limit and its expected band of the published likelihood, the fit included."""
    from openbfactory.fit.limits import upper_limit

    path = published_path()
    return lambda n: [upper_limit(path) for _ in range(n)]


def gaussian_toys() -> Work:
    """Toys of the Gaussian cross-check of the published likelihood."""
    import numpy as np

    from openbfactory.fit.estimate import analyse
    from openbfactory.fit.gaussian import gaussian_fit

    fit = gaussian_fit(analyse(published_path()))
    return lambda n: fit.toys(n, np.random.default_rng(n))


def decay_times(events: int = 171_000) -> tuple[object, object]:
    """Decay times with a double Gaussian resolution and their uncertainties."""
    import numpy as np

    rng = np.random.default_rng(1)
    sigma = rng.gamma(8, 0.06 / 8, events) + 0.02
    scale = np.where(rng.random(events) < 0.8, 1.0, 2.0)
    return rng.exponential(0.4105, events) + scale * sigma * rng.normal(size=events), sigma


LIFETIME_START = {"tau": 0.4, "bias": 0.0, "scale1": 1.1, "scale2": 1.9, "fraction1": 0.7}
LIFETIME_LIMITS = {"tau": (0.01, 10), "bias": (-1, 1), "scale1": (0.1, 10), "scale2": (0.1, 10), "fraction1": (0, 1)}


def lifetime_fit() -> Work:
    """Unbinned lifetime fit of 171 000 events, 5 parameters, Migrad and Hesse."""
    from openbfactory.fit.costs import DecayCost
    from openbfactory.fit.unbinned import fit_unbinned

    t, sigma = decay_times()
    return lambda n: [fit_unbinned(DecayCost(t, sigma, 2), LIFETIME_START, limits=LIFETIME_LIMITS) for _ in range(n)]


def plain_lifetime_fit() -> Work:
    """The same with iminuit's own cost and a compiled density, as one writes it by hand."""
    import numpy as np
    from iminuit import Minuit, cost

    from openbfactory.fit.shapes.decay import decay_density

    t, sigma = decay_times()

    def density(x: object, tau: float, bias: float, scale1: float, scale2: float, fraction1: float) -> object:
        return decay_density(t, sigma, tau, bias, np.array([scale1, scale2]), np.array([fraction1]))

    def work(n: int) -> object:
        for _ in range(n):
            minuit = Minuit(cost.UnbinnedNLL(t, density), **LIFETIME_START)
            for name, limits in LIFETIME_LIMITS.items():
                minuit.limits[name] = limits
            minuit.migrad().hesse()
            assert minuit.valid
        return minuit

    return work


#: rows whose first call is their warm call
STORED = ("simulate-file", "simulate-file-2e5")
#: rows that are timed once
ONCE = ("peer-pyhf-minuit", "peer-iminuit-pseudomass", "linear-1e5", "linear-1e6", *STORED)
Row = tuple[str, str, Callable[[], Work], int]
ROWS: dict[str, Row] = {
    "generate-bbbar": ("generate: B Bbar with photon radiation", "event", lambda: generate("bbbar"), 20000),
    "generate-bbbar-no-photons": ("generate: B Bbar without photon radiation", "event",
                                  lambda: generate("bbbar", photons=False), 20000),
    "linear-1e4": ("linearity: B Bbar with radiation, 1e4", "event", lambda: generate("bbbar"), 10_000),
    "linear-1e5": ("linearity: B Bbar with radiation, 1e5", "event", lambda: generate("bbbar"), 100_000),
    "linear-1e6": ("linearity: B Bbar with radiation, 1e6", "event", lambda: generate("bbbar"), 1_000_000),
    "generate-charged": ("generate: B+ B-", "event", lambda: generate("charged"), 20000),
    "generate-mixed": ("generate: B0 B0bar", "event", lambda: generate("mixed"), 20000),
    "generate-uubar": ("generate: u ubar, hadrons decayed", "event", lambda: generate("uubar"), 20000),
    "generate-ccbar": ("generate: c cbar, hadrons decayed", "event", lambda: generate("ccbar"), 20000),
    "peer-pythia-uubar": ("peer: Pythia 8 alone, u ubar, its own decays", "event",
                          lambda: pythia_alone("uubar"), 20000),
    "peer-pythia-ccbar": ("peer: Pythia 8 alone, c cbar, its own decays", "event",
                          lambda: pythia_alone("ccbar"), 20000),
    "peer-pythia-taupair": ("peer: Pythia 8 alone, tau pairs with spin", "event",
                            lambda: pythia_alone("taupair", "15:mayDecay = on", "TauDecays:mode = 1"), 500),
    "peer-pythia-taupair-no-spin": ("peer: Pythia 8 alone, tau pairs without spin", "event",
                                    lambda: pythia_alone("taupair", "15:mayDecay = on", "TauDecays:mode = 0"), 20000),
    "generate-taupair": ("generate: tau pairs", "event", lambda: generate("taupair"), 50000),
    "generate-knunu": ("generate: B+ -> K+ nu nubar with the other B", "event", lambda: generate("knunu"), 20000),
    "simulate-charged": ("simulate: B+ B-", "event", lambda: simulate_stage("charged"), 20000),
    "simulate-mixed": ("simulate: B0 B0bar", "event", lambda: simulate_stage("mixed"), 20000),
    "simulate-uubar": ("simulate: u ubar", "event", lambda: simulate_stage("uubar"), 20000),
    "simulate-file": ("simulate: B+ B-, file to file, 2e4", "event", lambda: simulate_stored("charged", 20_000),
                      20_000),
    "simulate-file-2e5": ("simulate: B+ B-, file to file, 2e5", "event", lambda: simulate_stored("charged", 200_000),
                          200_000),
    "reconstruct-charged": ("reconstruct inclusive tag: B+ B-", "event", lambda: reconstruct_stage("charged"), 20000),
    "reconstruct-uubar": ("reconstruct inclusive tag: u ubar", "event", lambda: reconstruct_stage("uubar"), 20000),
    "lists-dstar": ("reconstruct: D*+ -> [D0 -> K- pi+] pi+ in c cbar, no fit", "event",
                    lambda: dstar_lists(False), 20000),
    "lists-dstar-tree": ("reconstruct: the same with a fit of the decay", "event", lambda: dstar_lists(True), 20000),
    "vertex-two-tracks": ("fit: vertex of two tracks", "fit", two_track_vertices, 200_000),
    "tree-dstar": ("fit: tree D*+ -> [D0 -> K- pi+] pi+ from the beam spot", "fit", dstar_trees, 20000),
    "find-v0-kinks": ("find: V0, conversions, kinks, bremsstrahlung: B+ B-", "event", finders, 10000),
    "rest-of-event": ("rest of event, missing momentum, continuum, tag vertex", "event", rests, 10000),
    "tag-flavour": ("flavour of the other B, from detector objects on", "event", flavour_tags, 20000),
    "hadronic-tag": ("hadronic tag: 55 channels of B+ and B0, B pairs", "event", tagging, 4000),
    "chain-charged": ("whole chain: B+ B-", "event", lambda: chain("charged"), 20000),
    "chain-uubar": ("whole chain: u ubar", "event", lambda: chain("uubar"), 20000),
    "chain-taupair": ("whole chain: tau pairs", "event", lambda: chain("taupair"), 20000),
    "phase-space-weighted": ("phase space, 3 bodies, weighted", "event", lambda: three_body(True), 1_000_000),
    "phase-space-unweighted": ("phase space, 3 bodies, unweighted", "event", lambda: three_body(False), 1_000_000),
    "peer-phasespace": ("peer: phasespace, 3 bodies, weighted", "event", phasespace_package, 100_000),
    "fit-published": ("published likelihood: fit, interval, Z(0), Z(1)", "fit", published_fit, 5),
    "fit-conditional": ("published likelihood: fit at a fixed mu", "fit", published_conditional, 20),
    "fit-scan": ("published likelihood: profile scan of 41 points", "scan", published_scan, 2),
    "fit-resonance-toys": ("resonance search: toys scanned at 260 masses", "toy", resonance_toys, 100),
    "fit-toys": ("published likelihood: toys thrown and fitted", "toy", published_toys, 200),
    "fit-ranking": ("published likelihood: ranking, 4 refits a nuisance", "nuisance", published_ranking, 231),
    "fit-limit": ("published likelihood: limit with expected band", "limit", published_limit, 3),
    "fit-gaussian-toys": ("published likelihood: Gaussian toys", "toy", gaussian_toys, 100_000),
    "fit-lifetime": ("unbinned lifetime fit, 171 000 events", "fit", lifetime_fit, 3),
    "peer-iminuit-lifetime": ("peer: iminuit UnbinnedNLL + compiled density, same fit", "fit", plain_lifetime_fit, 1),
    "fit-pseudomass": ("unbinned fit of the edge of a pseudomass, 1e6 candidates", "fit", edge_fit, 1),
    "peer-iminuit-pseudomass": ("peer: iminuit UnbinnedNLL + compiled density, same fit", "fit", plain_edge_fit, 1),
    "peer-pyhf-minuit": ("peer: pyhf + minuit, fit alone", "fit", pyhf_fit, 2),
}


def main(name: str) -> None:
    """Time one row: a first call for one (it compiles or loads kernels), a warm call, then the median of three."""
    _, _, make, number = ROWS[name]
    started = time.perf_counter()
    try:
        work = make()
    except ImportError:
        raise SystemExit(3) from None
    work(1)
    first = time.perf_counter() - started - getattr(work, "prepared", 0.0)
    if name not in STORED:
        work(min(number, CHUNK) if name in ONCE else number)
    seconds, busy = [], []
    for _ in range(1 if name in ONCE else 3):
        begin, cpu = time.perf_counter(), time.process_time()
        work(number)
        seconds.append(time.perf_counter() - begin)
        busy.append(time.process_time() - cpu)
    taken = statistics.median(seconds)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"number": number, "seconds": taken, "rate": number / taken, "first": first, "memory": memory,
                      "cpu_rate": number / statistics.median(busy)}))


if __name__ == "__main__":
    main(sys.argv[1])
