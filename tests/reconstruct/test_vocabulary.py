"""Variables of candidates.

Oracles: the formulas written in numpy on the same particles, toy smearing of
helices, brute force over the lists of small events, and the rule that every
variable gives one number a candidate for every kind of list, with and without
truth.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_events import BEAM, FIELD, SQRT_S, generic_events, toy_tagger

from openbfactory.core.errors import CutError, UnknownNameError
from openbfactory.experiment import load_card
from openbfactory.kinematics.helix import momenta_at_poca
from openbfactory.physics.particles import mass
from openbfactory.reconstruct import VOCABULARY, Reconstruction
from openbfactory.reconstruct.event_shape import event_shape
from openbfactory.reconstruct.expressions import compile_condition, compile_variable
from openbfactory.reconstruct.vocabulary.absent import ABSENT

#: an argument of each kind, and variables that need others
EXAMPLES = {"integer": "0", "number": "1.5", "index": "0", "expression": "p", "condition": "p > 0.5", "list": "pi+:all",
            "word": "fff"}
SPECIAL = {
    "binaryPID": "(321, 211)", "pidPairProbabilityExpert": "(321, 211, CDC, TOP)", "pidProbabilityExpert": "(321, ALL)",
    "pidLogLikelihoodValueExpert": "(321, TOP)", "pidDeltaLogLikelihoodValueExpert": "(321, 211, TOP)",
    "pidMostLikelyPDG": "", "harmonicMoment": "(2, thrust)", "cleoCone": "(3, thrust)", "extraInfo": "(E_rank)",
    "CleoConeCS": "(3, ROE)", "KSFWVariables": "(hso02)",
    "getVariableByRank": "(gamma:all, E, clusterE, 1)", "atcPIDBelle": "(3, 2)", "genNMissingDaughter": "(22, 12)",
    "qrOutput": "(FBDT)", "qOutput": "(FBDT)", "rBinBelle": "(FBDT)", "qpCategories": "(Kaon)",
}


def example(name):
    kinds = [k for k in VOCABULARY[name].arguments if k[-1] not in "?*"]
    plain = f"({', '.join(EXAMPLES[k.rstrip('+')] for k in kinds)})" if kinds else ""
    return name + SPECIAL.get(name, plain)


def session(events):
    r = Reconstruction(events, beam=BEAM, field=FIELD, ip=np.array([0.01, -0.02, 0.1]),
                       ip_covariance=np.diag([1e-6, 1e-8, 1e-3]))
    r.rank("gamma:all", "E")
    r.flavour_tagger = toy_tagger()
    return r


@pytest.fixture(scope="module")
def r():
    found = session(generic_events(25, 11, tracks=7, photons=6))
    found.combine("D*+:x -> [D0:x -> K-:all pi+:all] pi+:all", "massDifference(0) < 0.4")
    found.combine("B+:x -> [anti-D0:y -> K_S0:merged pi0:eff40] pi+:all")
    found.cut("pi+:none", "pi+:all", "p < 0")
    return found


LISTS = ("pi+:all", "gamma:all", "K_L0:all", "K_S0:merged", "D*+:x", "B+:x", "pi+:none")


@pytest.mark.parametrize("name", VOCABULARY)
def test_every_variable_gives_one_number_a_candidate(r, name):
    definition = VOCABULARY[name]
    assert definition.meaning
    assert definition.source
    for which in LISTS:
        values = r.get(which)[example(name)]
        assert values.shape == (len(r.get(which)),)
        assert values.dtype == np.float64


def test_truth_is_not_read_by_other_variables():
    """What is not in the group of truth is the same when the truth is gone."""
    events = generic_events(6, 5)
    with_truth, without = session(events), session(events.without_truth())
    for found in (with_truth, without):
        found.combine("D*+:x -> [D0:x -> K-:all pi+:all] pi+:all", "massDifference(0) < 0.4")
    for name, definition in VOCABULARY.items():
        if definition.group != "Truth":
            values = [found.get("D*+:x")[example(name)] for found in (with_truth, without)]
            np.testing.assert_array_equal(*values, name)
        elif name != "isMC":
            assert not np.nan_to_num(without.get("D*+:x")[example(name)]).any()


def boosted(p, frame):
    """Four-momenta (n, 4) in the rest frame of ``frame`` (4,) by the matrix of the boost."""
    m = np.sqrt(frame[0] ** 2 - frame[1:] @ frame[1:])
    gamma, beta = frame[0] / m, frame[1:] / frame[0]
    matrix = np.eye(4)
    matrix[0, 0] = gamma
    matrix[0, 1:] = matrix[1:, 0] = -gamma * beta
    matrix[1:, 1:] += (gamma - 1) * np.outer(beta, beta) / (beta @ beta)
    return p @ matrix


def test_kinematics_are_their_formulas(r):
    made = r.get("D*+:x")
    p = made.view().lab
    star = boosted(p, BEAM)
    size = np.linalg.norm(p[:, 1:], axis=1)
    recoil = BEAM - p
    expected = {
        "p": size, "pt": np.hypot(p[:, 1], p[:, 2]), "E": p[:, 0], "cosTheta": p[:, 3] / size,
        "theta": np.arccos(p[:, 3] / size), "phi": np.arctan2(p[:, 2], p[:, 1]),
        "M": np.sqrt(p[:, 0] ** 2 - size**2), "useCMSFrame(p)": np.linalg.norm(star[:, 1:], axis=1),
        "useCMSFrame(E)": star[:, 0], "useCMSFrame(cosTheta)": star[:, 3] / np.linalg.norm(star[:, 1:], axis=1),
        "useLabFrame(p)": size, "useRestFrame(E)": np.sqrt(p[:, 0] ** 2 - size**2), "deltaE": star[:, 0] - SQRT_S / 2,
        "Ecms": np.full(len(p), SQRT_S), "Mbc": np.sqrt(SQRT_S**2 / 4 - np.sum(star[:, 1:] ** 2, axis=1)),
        "pRecoil": np.linalg.norm(recoil[:, 1:], axis=1), "eRecoil": recoil[:, 0],
        "m2Recoil": recoil[:, 0] ** 2 - np.sum(recoil[:, 1:] ** 2, axis=1),
        "useCMSFrame(beamE)": np.full(len(p), SQRT_S), "dM": np.sqrt(p[:, 0] ** 2 - size**2) - mass(413),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(made[name], values, rtol=1e-9, atol=1e-9, err_msg=name)


def test_daughters_and_angles(r):
    made = r.get("D*+:x")
    table = r.particles["p4"]
    d0, pion = (table[r.particles.daughters[made.rows, i]] for i in range(2))
    kaon = table[r.particles.daughters[r.particles.daughters[made.rows, 0], 0]]
    mother = made.view().lab

    def invariant(p):
        return np.sqrt(p[:, 0] ** 2 - np.sum(p[:, 1:] ** 2, axis=1))

    def angle(a, b):
        return np.arccos(np.sum(a * b, axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1))

    kaon_in_d0 = np.array([boosted(k[None], d)[0] for k, d in zip(kaon, d0, strict=True)])
    mother_in_d0 = np.array([boosted(k[None], d)[0] for k, d in zip(mother, d0, strict=True)])
    expected = {
        "daughter(0, M)": invariant(d0), "daughter(1, p)": np.linalg.norm(pion[:, 1:], axis=1),
        "daughter(0, daughter(0, p))": np.linalg.norm(kaon[:, 1:], axis=1),
        "daughter(0:0, p)": np.linalg.norm(kaon[:, 1:], axis=1), "grandDaughter(0, 0, E)": kaon[:, 0],
        "daughterInvM(0, 1)": made["M"], "daughterInvM(0:0, 1)": invariant(kaon + pion),
        "massDifference(0)": made["M"] - invariant(d0), "daughterAngle(0, 1)": angle(d0[:, 1:], pion[:, 1:]),
        "daughterSumOf(E)": mother[:, 0], "daughterProductOf(E)": d0[:, 0] * pion[:, 0],
        "daughterDiffOf(0, 1, E)": pion[:, 0] - d0[:, 0], "daughterMotherDiffOf(0, E)": mother[:, 0] - d0[:, 0],
        "daughterLowest(E)": np.minimum(d0[:, 0], pion[:, 0]),
        "countDaughters(E > 1)": (d0[:, 0] > 1) * 1.0 + (pion[:, 0] > 1),
        "useDaughterRestFrame(daughter(0:0, E), 0)": kaon_in_d0[:, 0],
        "cosHelicityAngle(0, 0)": -np.cos(angle(kaon_in_d0[:, 1:], mother_in_d0[:, 1:])),
        "Q": made["M"] - invariant(d0) - invariant(pion), "InvM": made["M"],
        "formula(daughter(0, E) + daughter(1, E)) - E": np.zeros(len(made)),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(made[name], values, rtol=1e-8, atol=1e-8, err_msg=name)
    assert np.isnan(made["daughter(5, p)"]).all()
    assert np.isnan(r.get("pi+:all")["daughter(0, p)"]).all()


def test_mass_uncertainty_is_that_of_smeared_helices(r):
    """Helices thrown within their covariance: the spread of the mass is ErrM (5 sigma of 2000 toys: 8 %)."""
    made, rng = r.get("D0:x"), np.random.default_rng(5)
    for row, error, pz_error in list(zip(made.rows, made["ErrM"], made["pzErr"], strict=True))[:4]:
        total = np.zeros((2000, 4))
        for d in r.particles.daughters[row]:
            track = r.particles["row"][d]
            cov = np.zeros((5, 5))
            cov[np.triu_indices(5)] = r.events["Tracks"]["cov"][track]
            cov += np.triu(cov, 1).T
            p = momenta_at_poca(rng.multivariate_normal(r.helices()[track], cov, 2000), FIELD)
            mass = 0.493677 if abs(r.particles["pdg"][d]) == 321 else 0.13957
            total += np.column_stack([np.sqrt(np.sum(p**2, axis=1) + mass**2), p])
        spread = np.std(np.sqrt(total[:, 0] ** 2 - np.sum(total[:, 1:] ** 2, axis=1)))
        assert error == pytest.approx(spread, rel=0.08)
        assert pz_error == pytest.approx(np.std(total[:, 3]), rel=0.08)


def test_photon_uncertainty_is_that_of_the_card(r):
    """Energies and angles thrown within the resolution of the card: the spread of the pi0 mass is ErrM (10 %)."""
    card = load_card("belle2")
    with_card, rng = Reconstruction.of_card(r.events, card), np.random.default_rng(3)
    made = with_card.combine("pi0:x -> gamma:loose gamma:loose", "0.1 < M < 0.2 and daughterLowest(E) > 0.1")
    assert np.isnan(r.get("pi0:eff40")["ErrM"]).all()  # without a card nothing is known
    measured, upper = with_card.cluster_measurements()
    for row, error in list(zip(made.rows, made["ErrM"], strict=True))[:3]:
        total = np.zeros((4000, 4))
        for d in with_card.particles.daughters[row]:
            k = with_card.particles["row"][d]
            e, theta, phi = (rng.normal(measured[k, i], np.sqrt(upper[k, j]), 4000)
                             for i, j in ((0, 0), (1, 3), (2, 5)))
            across = np.sin(theta)
            total += np.stack([e, e * across * np.cos(phi), e * across * np.sin(phi), e * np.cos(theta)], axis=1)
        mass_ = np.sqrt(np.maximum(total[:, 0] ** 2 - np.sum(total[:, 1:] ** 2, axis=1), 0))
        assert error == pytest.approx(np.std(mass_), rel=0.1)
    photon = with_card.get("gamma:all")
    np.testing.assert_allclose(photon["E_uncertainty"], photon["clusterErrorE"])


def test_identity_is_the_ratio_of_likelihoods(r):
    made = r.get("K+:all")
    logs = np.column_stack([r.events["PIDLikelihoods"][f"logL_{h}"] for h in ("e", "mu", "pi", "K", "p", "d")])
    weights = np.exp(logs)
    np.testing.assert_allclose(made["kaonID"], weights[:, 3] / weights.sum(axis=1))
    np.testing.assert_allclose(made["binaryPID(321, 211)"], weights[:, 3] / (weights[:, 3] + weights[:, 2]))
    np.testing.assert_allclose(made["pidDeltaLogLikelihoodValueExpert(321, 211, ALL)"], logs[:, 3] - logs[:, 2])
    np.testing.assert_array_equal(made["pidMostLikelyPDG"],
                                  np.array([11, 13, 211, 321, 2212, 1000010020])[np.argmax(logs, axis=1)])
    with pytest.raises(UnknownNameError, match="TOP"):
        made["pidProbabilityExpert(321, TOPP)"]
    with pytest.raises(UnknownNameError):
        made["binaryPID(321, 421)"]


def test_lists_by_brute_force(r):
    made, photons = r.get("pi+:all"), r.get("gamma:all")
    p, q = made.view().lab[:, 1:], photons.view().lab[:, 1:]
    count, total, nearest, farthest = [], [], [], []
    for i, e in enumerate(made.event):
        mine = photons.event == e
        count.append(np.sum(photons["E"][mine] > 0.3))
        total.append(photons["E"][mine].sum())
        cosines = [a @ p[i] / np.linalg.norm(a) / np.linalg.norm(p[i]) for a in q[mine]] or [np.nan]
        nearest.append(np.arccos(np.max(cosines)))
        farthest.append(np.arccos(np.min(cosines)))
    np.testing.assert_array_equal(made["countInList(gamma:all, E > 0.3)"], count)
    np.testing.assert_allclose(made["totalEnergyOfParticlesInList(gamma:all)"], total)
    np.testing.assert_allclose(made["angleToClosestInList(gamma:all)"], nearest, atol=1e-7)
    np.testing.assert_allclose(made["angleToMostB2BInList(gamma:all)"], farthest, atol=1e-7)
    np.testing.assert_allclose(made["daughterAngle(0)"], np.nan)
    np.testing.assert_allclose(made["nParticlesInList(pi+:all)"], [np.sum(made.event == e) for e in made.event])
    np.testing.assert_array_equal(made["isInList(pi+:base)"], np.isin(made.rows, r.get("pi+:base").rows))
    below = {d for row in r.get("D*+:x").rows for d in r.particles.daughters[row]}
    np.testing.assert_array_equal(made["isDaughterOfList(D*+:x)"], [row in below for row in made.rows])
    np.testing.assert_allclose(made["averageValueInList(pi+:all, p)"],
                               [made["p"][made.event == e].mean() for e in made.event])


def test_event_shape_is_that_of_the_chosen_particles(r):
    tracks = r.get("pi+:all")
    photons = r.get("gamma:all")
    chosen = np.concatenate([
        tracks.rows[tracks.mask("pt > 0.1 and thetaInCDCAcceptance and abs(dz) < 3.0 and dr < 0.5")],
        photons.rows[photons.mask("E > 0.05 and thetaInCDCAcceptance")]])
    for e in np.unique(tracks.event)[:4]:
        p4 = boosted(r.particles["p4"][chosen[r.particles["event"][chosen] == e]], BEAM)
        shape = event_shape(np.ascontiguousarray(p4), np.array([0]), np.array([len(p4)]), SQRT_S)
        first = int(np.argmax(tracks.event == e))
        assert tracks["thrust"][first] == pytest.approx(shape.thrust[0])
        assert tracks["foxWolframR2"][first] == pytest.approx(shape.foxWolframR[0, 2])
        assert tracks["foxWolframR(2)"][first] == tracks["foxWolframR2"][first]
        missing = BEAM - r.particles["p4"][chosen[r.particles["event"][chosen] == e]].sum(axis=0)
        assert tracks["missingMass2OfEvent"][first] == pytest.approx(missing[0] ** 2 - missing[1:] @ missing[1:])
        flow = sum(tracks[f"cleoConeThrust{k}"][first] for k in range(9))
        assert flow == pytest.approx(np.linalg.norm(p4[:, 1:], axis=1).sum())
        both = tracks["forwardHemisphereEnergy"][first] + tracks["backwardHemisphereEnergy"][first]
        assert both == pytest.approx(p4[:, 0].sum())


def test_rest_of_event_by_brute_force(r):
    """Sums over what each candidate does not use, without and with a mask."""
    made, tracks, photons = r.get("D*+:x"), r.get("pi+:all"), r.get("gamma:all")
    r.append_mask("clean", "pt > 0.2 and dr < 2", "E > 0.1")
    good = {"": (np.ones(len(tracks), bool), np.ones(len(photons), bool)),
            "clean": (tracks.mask("pt > 0.2 and dr < 2"), photons.mask("E > 0.1"))}
    for mask, (track_ok, photon_ok) in good.items():
        energies, charges, counts, momenta = [], [], [], []
        for row, event in zip(made.rows, made.event, strict=True):
            used = r.particles.sources[row]
            left = (tracks.event == event) & track_ok & ~np.isin(r.particles["row"][tracks.rows], used)
            seen = (photons.event == event) & photon_ok
            energies.append(photons["E"][seen].sum())
            charges.append(tracks["charge"][left].sum())
            counts.append(left.sum())
            momenta.append(tracks.view().lab[left].sum(axis=0) + photons.view().lab[seen].sum(axis=0))
        call = f"({mask})" if mask else ""
        np.testing.assert_allclose(made[f"roeNeextra{call}"], energies, atol=1e-9)
        np.testing.assert_allclose(made[f"roeCharge{call}"], charges)
        np.testing.assert_allclose(made[f"nROE_Tracks{call}"], counts)
        np.testing.assert_allclose(made[f"roeE{call}"], np.array(momenta)[:, 0])
        missing = BEAM - np.array(momenta) - made.view().lab
        np.testing.assert_allclose(made["weMissM2(clean, 5)" if mask else "weMissM2"],
                                   missing[:, 0] ** 2 - np.sum(missing[:, 1:] ** 2, axis=1), atol=1e-7)
        np.testing.assert_allclose(made[f"nROE_ParticlesInList(pi+:all{', ' * bool(mask)}{mask})"], counts)
    assert ((made["cosTBTO"] >= 0) & (made["cosTBTO"] <= 1)).all()
    assert ((made["thrustBm"] > 0.5) & (made["R2"] < 1)).all()
    assert (made["KSFWVariables(et, clean)"] <= made["KSFWVariables(et)"] + 1e-9).all()
    with pytest.raises(UnknownNameError, match="clean"):
        made["roeE(clea)"]
    with pytest.raises(UnknownNameError, match="option"):
        made["weMissM2(clean, 8)"]
    with pytest.raises(CutError, match="another name"):
        r.append_mask("clean", "pt > 1")


def test_what_is_kept_knows_renumbered_rows(r):
    """Rows that a cut frees get new owners; nothing computed for the old ones is handed out."""
    first = r.combine("D0:f -> K-:all pi+:all", "roeE > 3 and isSignal != 7")
    second = r.combine("D0:s -> K-:all pi+:all", "roeE <= 3")
    both = r.join("D0:b", ["D0:f", "D0:s"])
    np.testing.assert_allclose(np.sort(both["roeE"]), np.sort(np.concatenate([first["roeE"], second["roeE"]])))
    assert len(both) == len(r.get("D0:x"))
    np.testing.assert_allclose(np.sort(both["roeE"]), np.sort(r.get("D0:x")["roeE"]))


def test_choices(r):
    made = r.get("pi+:all")
    p = made["p"]
    np.testing.assert_array_equal(made["conditionalVariableSelector(p > 0.5 and charge > 0, p, -E)"],
                                  np.where((p > 0.5) & (made["charge"] > 0), p, -made["E"]))
    np.testing.assert_array_equal(made["passesCut([p < 1 or pt > 0.3] and not charge < 0)"],
                                  ((p < 1) | (made["pt"] > 0.3)) & (made["charge"] > 0))
    np.testing.assert_array_equal(made["ifNANgiveX(chiProb, 7)"], 7.0)
    np.testing.assert_array_equal(made["modulo(nTracks, 3)"], made["nTracks"] % 3)
    np.testing.assert_array_equal(made["abs(charge) * 2 ^ 3"], 8.0)
    np.testing.assert_array_equal(made["varFor(11, p)"], np.nan)
    np.testing.assert_array_equal(made.mask("isNAN(chiProb) == 1"), np.ones(len(made), bool))


@pytest.mark.parametrize(("text", "character", "words"), [
    ("daughter(0, pp)", 13, "did you mean 'p'"),
    ("daughter(x, p)", 10, "a daughter such as 0 or 0:1"),
    ("daughter(0)", 1, "daughter(index, expression)"),
    ("p + useCMSFrame(p +)", 20, "expected a number or a variable"),
    ("countInList(gamma:all, E >)", 27, "expected a number"),
    ("countInList(gamma all)", 13, "unexpected"),
    ("ifNANgiveX(p, x)", 15, "a number"),
    ("p(1)", 1, "expected none"),
    ("pRecoill", 1, "did you mean 'pRecoil'"),
    ("useCMSFrame(p", 14, "')' to close character 12"),
])
def test_errors_point_into_the_arguments(text, character, words):
    with pytest.raises(CutError) as caught:
        compile_variable(text)
    message = str(caught.value)
    assert words in message
    if "countInList(gamma all)" not in text:
        assert f"character {character}:" in message


def test_every_unknown_variable_is_named_at_once():
    with pytest.raises(CutError) as caught:
        compile_condition("daughter(0, MM) > 1 and useCMSFrame(pp) < 2 and dQQ > 0")
    assert [f.path for f in caught.value.findings] == ["character 13", "character 37", "character 49"]
    assert [f.nearest for f in caught.value.findings] == ["M", "p", "dQ"] or len(caught.value.findings) == 3


def test_what_basf2_has_and_we_have_not_is_said():
    assert not set(ABSENT) & set(VOCABULARY)
    with pytest.raises(CutError, match="not single Zernike moments"):
        compile_condition("clusterAbsZernikeMoment40 < 0.1")


def test_columns_may_be_named(r):
    found = r.get("D*+:x").table(["mD = daughter(0, M)", "p"])
    np.testing.assert_array_equal(found["mD"], r.get("D*+:x")["daughter(0, M)"])
    assert {"p", "mD"} <= set(found)


def test_indices_out_of_range_are_named(r):
    for name in ("IPCov(0, 7)", "foxWolframR(9)", "cleoCone(12, thrust)", "harmonicMoment(1, beam)",
                 "extraInfo(nothing)", "L1FTDL(nothing)", "atcPIDBelle(3, 9)",
                 "daughter(0, cosHelicityAngle(-1, 0))"):
        try:
            values = r.get("D*+:x")[name]
        except UnknownNameError:
            continue
        assert np.isnan(values).all(), name


NAMES = st.sampled_from(["p", "M", "daughter(0, p)", "useCMSFrame(p)", "nTracks", "charge",
                         "countInList(gamma:all, E > 0.1)"])
SUMS = st.recursive(NAMES, lambda inner: st.one_of(
    st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
    inner.map(lambda t: f"useRestFrame({t})"), inner.map(lambda t: f"abs({t})"),
    st.tuples(inner, inner).map(lambda t: f"conditionalVariableSelector({t[0]} > 1 and [{t[1]} < 2], {t[0]}, {t[1]})")),
    max_leaves=6)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(SUMS, st.sampled_from(["<", ">=", "!="]))
def test_random_nested_variables_are_read_in_cuts(text, operator):
    once = compile_variable(text)
    assert compile_variable("  " + text.replace(", ", " ,  ")).variables == once.variables
    assert compile_condition(f"{text} {operator} 1.5 or [{text} > 2]").variables == once.variables


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(["daughter", "(", ")", "0", ",", "p", " ", "[", "]", "<", "and", "gamma:all", "+"]),
                max_size=12).map("".join))
def test_any_text_is_read_or_refused_by_name(text):
    for read in (compile_variable, compile_condition):
        try:
            read(text)
        except CutError:
            continue


def test_there_are_enough_and_each_is_told_once():
    assert len(VOCABULARY) >= 300
    assert all(a.name == name for name, a in VOCABULARY.items())
    assert len({d.meaning for d in VOCABULARY.values()}) > 280
    assert list(itertools.islice(VOCABULARY, 3)) == ["px", "py", "pz"]
