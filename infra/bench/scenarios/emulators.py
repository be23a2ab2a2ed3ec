"""Our emulator beside the real Runtime Interface Emulator."""

from __future__ import annotations

from infra.bench.contenders import EMPTY, LAMBAKE
from infra.bench.page import Section, number
from infra.bench.places import left_out
from infra.bench.samples import Sample, median, p99, ratio, take
from infra.bench.scenarios import Plan
from infra.bench.scenarios.side_by_side import SEVEN


def run(plan: Plan) -> Section:
    """Measure an empty function and Lambake under both, and a restored snapshot under ours."""
    title = "Our emulator, and SnapStart imitated"
    if why := left_out("rie"):
        return Section(title, f"Left out: {why}.")
    picture = SEVEN.read_bytes()
    cases = [
        ("empty, RIE", "rie", EMPTY, {}),
        ("empty, ours", "lambake", EMPTY, {}),
        ("Lambake, RIE", "rie", LAMBAKE, {}),
        ("Lambake, ours", "lambake", LAMBAKE, {}),
        ("Lambake, restored", "lambake", LAMBAKE, {"snap_start": True}),
    ]
    samples: dict[str, list[Sample]] = {name: [] for name, *_ in cases}
    for number_of_round in range(plan.rounds):
        plan.tell(f"emulators: round {number_of_round + 1} of {plan.rounds}")
        for name, place, contender, settings in cases:
            samples[name].append(take(place, contender, picture, warm=plan.warm, **settings))
    warms = {name: [median(one.warm_ms) for one in found] for name, found in samples.items()}
    firsts = {name: [one.first_ms for one in found] for name, found in samples.items()}
    rows = [
        [
            name,
            number(median(firsts[name])),
            number(median(warms[name])),
            number(p99([ms for one in samples[name] for ms in one.warm_ms])),
            f"{ratio(warms[name], warms[f'{contender.name}, RIE']):.2f}",
        ]
        for name, _, contender, _ in cases
    ]
    restored = ratio(firsts["Lambake, restored"], firsts["Lambake, ours"])
    text = (
        "*Restored* starts from a snapshot of the initialised process, as SnapStart does; "
        f"its first answer takes {restored:.2f} of a cold start's time (goal: 0.15)."
    )
    return Section(title, text, ("", "first ms", "warm ms", "p99", "warm × RIE"), rows)
