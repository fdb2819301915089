"""What a run cost and what the whole data set would cost: core-hours and disk, per fb^-1 and by sample.

The size of the files is the same in every run and is shown in the report.  Times are not: they are in ``cost.txt``,
made from the log of the chunks (:mod:`openbfactory.pipeline.costs`).

Approximation: the whole data set is extrapolated chunk by chunk in proportion to its events; training, templates and
fits are given as measured and not extrapolated.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from openbfactory.analyses.knunu.config import SIGNAL
from openbfactory.analyses.knunu.record import KnunuResult, SampleSummary
from openbfactory.pipeline.costs import Cost, CostLog
from openbfactory.report.content import Paragraph, Section, Table

#: name of the file of times in an output folder
ACCOUNTS = "cost.txt"


def whole_events(result: KnunuResult, sample: SampleSummary) -> float:
    """Events of a sample in the whole data set; those of the full preset for the signal."""
    if sample.plan.name == SIGNAL:
        return float(result.config.presets["full"].signal_events)
    return sample.weight * sample.plan.events


def whole_bytes(result: KnunuResult, sample: SampleSummary) -> tuple[float, bool]:
    """Bytes of a sample for the whole data set, and whether that is an upper limit (no chunk after the pilot yet)."""
    preset = result.config.presets["full"]
    events = whole_events(result, sample)
    pilot = events * min(1.0, preset.pilot / preset.luminosity)
    each = sample.pilot_bytes / max(sample.pilot_events, 1)
    later = sample.plan.events - sample.pilot_events
    if later <= 0:
        return events * each, True
    return pilot * each + (events - pilot) * sample.later_bytes / later, False


def cost_section(result: KnunuResult) -> Section:
    """Events and disk per fb^-1 and for the whole data set."""
    rows, total, limit = [], 0.0, False
    for name, sample in result.samples.items():
        lumi = result.off_luminosity if sample.plan.off_resonance else result.luminosity
        size, upper = whole_bytes(result, sample)
        total, limit = total + size, limit or upper
        later = sample.plan.events - sample.pilot_events
        per_fb = whole_events(result, sample) / lumi
        rows.append((name, "–" if name == SIGNAL else f"{per_fb / 1e6:.3f}",
                     f"{sample.pilot_bytes / max(sample.pilot_events, 1):.0f}",
                     f"{sample.later_bytes / later:.1f}" if later > 0 else "–",
                     "–" if name == SIGNAL else f"{size / lumi / 1e6:.1f}", f"{size / 1e9:.2f}"))
    rows.append(("all", "", "", "", f"{total / result.luminosity / 1e6:.1f}", f"{total / 1e9:.1f}"))
    bound = ("This run is a pilot and nothing else, so the last columns are upper limits: chunks after the pilot are "
             "some fifty times smaller. " if limit else "")
    return Section("What it cost", (
        Paragraph(bound + f"CPU time and peak memory were measured chunk by chunk; they differ from run to run and are "
                  f"in `{ACCOUNTS}` beside this page, with core-hours per fb^{{−1}} by sample and the extrapolation to "
                  "the whole data set."),
        Table(("sample", "million events per fb^{−1}", "bytes an event, pilot", "bytes an event, later",
               "MB per fb^{−1}", f"GB for {result.luminosity:g} fb^{{−1}}"), tuple(rows),
              "Disk: what the chunks hold, and what the whole data set would take (once each, the signal with "
              f"{result.config.presets['full'].signal_events / 1e6:g} million events).",
              numeric=frozenset(range(1, 6)), emphasis=frozenset({len(rows) - 1})),
    ))


def accounts(result: KnunuResult, costs: Sequence[Cost]) -> str:
    """Text of the file of times: by sample, for the whole data set, by stage."""
    lines = ["What this run cost (CPU seconds of the processes that did the work; no part of the result).", "",
             f"{'sample':<14}{'chunks':>7}{'events':>11}{'CPU s':>9}{'events/s':>10}{'core-h per /fb':>16}"
             f"{'core-h, whole':>15}{'GB, whole':>11}"]
    total = disk = spent = 0.0
    for name, sample in result.samples.items():
        mine = [c for c in costs if c.sample == name]
        seconds, events = sum(c.seconds for c in mine), sum(c.events for c in mine)
        if not events:
            continue
        lumi = result.off_luminosity if sample.plan.off_resonance else result.luminosity
        hours = seconds / events * whole_events(result, sample) / 3600.0
        size, _ = whole_bytes(result, sample)
        total, disk, spent = total + hours, disk + size, spent + seconds
        lines.append(f"{name:<14}{len(mine):>7}{events:>11}{seconds:>9.1f}{events / max(seconds, 1e-9):>10.0f}"
                     f"{'-' if name == SIGNAL else f'{hours / lumi:.3f}':>16}{hours:>15.1f}{size / 1e9:>11.2f}")
    lines += [f"{'all':<14}{'':>18}{spent:>9.1f}{'':>10}{total / result.luminosity:>16.3f}{total:>15.1f}"
              f"{disk / 1e9:>11.2f}", "",
              f"Whole: {result.luminosity:g} /fb on and {result.off_luminosity:g} /fb off resonance, once each, "
              f"{result.config.presets['full'].signal_events} signal events.",
              f"Peak memory of a process: {max((c.memory for c in costs), default=0.0):.0f} MB.", ""]
    lines += [f"{c.what:<40}{c.seconds:>9.1f} CPU s" for c in costs if not c.sample]
    missing = sum(s.plan.events for s in result.samples.values()) - sum(c.events for c in costs if c.sample)
    if missing > 0:
        lines.append(f"Chunks with {missing} events were made before times were written.")
    return "\n".join(lines) + "\n"


def write_accounts(result: KnunuResult, folder: Path) -> Path:
    """Path of the file of times written."""
    path = folder / ACCOUNTS
    path.write_text(accounts(result, CostLog(folder).read()), encoding="utf-8")
    return path
