"""What a better K_L response would do: the same events through two cards.

Cards are data: this copies the Belle II card, changes one number and compares the energy of the rest of the event.
"""

from openbfactory.core.random import Address
from openbfactory.experiment import load_card
from openbfactory.generate import generate_events
from openbfactory.reconstruct.config import InclusiveTagConfig
from openbfactory.reconstruct.inclusive_tag import reconstruct_inclusive_tag
from openbfactory.simulate import simulate


def main():
    """Print the mean of deltaE of the rest of the event for three K_L efficiencies."""
    card = load_card("belle2")
    address = Address(seed=1, sample="charged")
    truth, _ = generate_events("charged", 20_000, address, card.machine)
    for factor in (0.83, 1.0, 1.2):
        switches = card.detector.switches.model_copy(update={"k_long_ecl_efficiency": factor})
        changed = card.model_copy(update={"detector": card.detector.model_copy(update={"switches": switches})})
        detected = simulate(truth, changed, address.at("simulate"))
        candidates = reconstruct_inclusive_tag(detected, changed.machine, InclusiveTagConfig())
        print(f"K_L efficiency x {factor}: {len(candidates)} candidates, "
              f"mean roeDeltae {candidates.columns['roeDeltae'].mean():+.4f} GeV")


if __name__ == "__main__":
    main()
