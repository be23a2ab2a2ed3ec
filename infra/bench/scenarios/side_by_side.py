"""Every contender under the real Runtime Interface Emulator, in turn."""

from __future__ import annotations

from typing import Final

from infra.bench.contenders import BAREST, CONTENDERS, EMPTY, LAMBAKE, ROOT, TEMPLATE, Contender
from infra.bench.installed import installed_mb
from infra.bench.page import Chart, Section, number
from infra.bench.pictures import Digit, clean_digits, messy_digits
from infra.bench.places import BenchError, left_out, serve
from infra.bench.samples import Client, Sample, median, p99, predict, ratio, take
from infra.bench.scenarios import Plan

HEADER: Final = (
    "", "first ms", "p99", "CPU ms", "× barest", "warm ms", "p99", "CPU ms", "over empty × barest",
    "peak MB", "packages MB", "clean %", "messy %",
)  # fmt: skip
_TEXT: Final = (
    "Under AWS's Runtime Interface Emulator; uvicorn without it. *First* is from the request that "
    "starts the process to its answer,\n*warm* one request after the other; × barest are medians "
    "of the ratios round by round.\nEach has one core, as Lambda gives one CPU at 1,769 MB; the "
    "barest and uvicorn leave the number of threads to ONNX Runtime.\n"
    "All predict with the weights of `model/zoo/digits`: *clean* are MNIST's digits that it was "
    "not trained on, *messy* the same\nredrawn as people send them (dark on light, off-centre, "
    "tilted, unevenly lit)."
)
SEVEN: Final = ROOT / "model" / "zoo" / "digits" / "samples" / "7.png"


def run(plan: Plan) -> Section:
    """Measure every contender that this machine can run."""
    if why := left_out("rie"):
        return Section("Side by side", f"Left out: {why}.")
    picture = SEVEN.read_bytes()
    slow = {one.name for one in CONTENDERS if one.needs == "tensorflow"}
    asked = [one for one in CONTENDERS if plan.slow_rounds or one.name not in slow]
    able = [one for one in asked if not one.lacks]
    for one in able:  # what the first run compiles must not count
        if one.name not in slow:
            take("rie", one, picture, warm=0)
    samples: dict[str, list[Sample]] = {one.name: [] for one in able}
    for number_of_round in range(plan.rounds):
        plan.tell(f"side by side: round {number_of_round + 1} of {plan.rounds}")
        for one in able:
            if one.name not in slow or number_of_round < plan.slow_rounds:
                samples[one.name].append(take("rie", one, picture, warm=plan.warm))
    clean = clean_digits(plan.digits)
    messy = messy_digits(clean)
    rows = []
    for one in able:
        plan.tell(f"accuracy of {one.name}")
        shares = [_accuracy(one, digits) for digits in (clean, messy)] if one.predicts else []
        rows.append(_row(one, samples, shares))
    missing = [f"{one.name} ({one.lacks} is not installed)" for one in asked if one.lacks]
    missing += [f"{one.name} (takes minutes)" for one in CONTENDERS if one not in asked]
    text = _TEXT + (f"\nLeft out: {', '.join(missing)}." if missing else "")
    whats = "\n".join(f"- *{one.name}*: {one.what}." for one in able)
    return Section("Side by side", f"{text}\n\n{whats}\n\n{_verdict(samples)}", HEADER, rows, [
        Chart("first", "first answer from nothing, ms (median)",
              [(one.name, median(_firsts(samples[one.name]))) for one in able]),
        Chart("warm", "warm answer, ms (median)",
              [(one.name, median(_warms(samples[one.name]))) for one in able]),
        Chart("memory", "most resident memory, MB",
              [(one.name, max(s.peak_mb for s in samples[one.name])) for one in able]),
    ])  # fmt: skip


def _firsts(samples: list[Sample]) -> list[float]:
    return [one.first_ms for one in samples]


def _warms(samples: list[Sample]) -> list[float]:
    return [ms for one in samples for ms in one.warm_ms]


def _over_empty(samples: dict[str, list[Sample]], name: str) -> list[float]:
    """Return by how many milliseconds a round's median is above the empty function's."""
    pairs = zip(samples[name], samples[EMPTY.name], strict=False)
    return [median(one.warm_ms) - median(empty.warm_ms) for one, empty in pairs]


def _times(ours: list[float], theirs: list[float]) -> str:
    count = min(len(ours), len(theirs))
    return f"{ratio(ours[:count], theirs[:count]):.2f}"


def _row(one: Contender, samples: dict[str, list[Sample]], shares: list[float]) -> list[str]:
    mine, barest = samples[one.name], samples[BAREST.name]
    firsts, warms = _firsts(mine), _warms(mine)
    over = _over_empty(samples, one.name), _over_empty(samples, BAREST.name)
    compared = one.predicts and not one.plain
    return [
        one.name,
        number(median(firsts)),
        number(p99(firsts)),
        number(median([s.first_cpu_ms for s in mine])),
        _times(firsts, _firsts(barest)),
        number(median(warms)),
        number(p99(warms)),
        number(median([s.warm_cpu_ms for s in mine])),
        _times(*over) if compared else "",
        number(max(s.peak_mb for s in mine)),
        number(installed_mb(one.packages)),
        *[f"{share * 100:.1f}" for share in shares or ()],
        *([""] * 2 if not shares else []),
    ]


def _verdict(samples: dict[str, list[Sample]]) -> str:
    """Compare Lambake with the goals of the project."""
    ours, barest = samples[LAMBAKE.name], samples[BAREST.name]
    first = _times(_firsts(ours), _firsts(barest))
    cpu = _times([s.first_cpu_ms for s in ours], [s.first_cpu_ms for s in barest])
    over = _over_empty(samples, LAMBAKE.name)
    parts = [
        f"Lambake's first answer takes {first} of the barest's time and {cpu} of its CPU time "
        "(goal: 0.7)",
        f"a warm one {number(median(over))} ms more than the empty function's, "
        f"{_times(over, _over_empty(samples, BAREST.name))} of the barest's (goal: below 1)",
    ]
    if samples.get(TEMPLATE.name):
        times = 1 / float(_times(_firsts(ours), _firsts(samples[TEMPLATE.name])))
        parts.append(f"the template's first answer takes {times:.1f} times as long (goal: 12)")
    return f"{'; '.join(parts)}."


def _accuracy(contender: Contender, digits: list[Digit]) -> float:
    """Return the share of digits that a contender tells right; what it refuses is wrong."""
    right = 0
    with serve("rie", contender) as running:
        client = Client(running)
        client.until_ready(contender, SEVEN.read_bytes())
        for one in digits:
            try:
                answer = predict(client, contender, one.picture)
            except BenchError:
                continue
            answer = answer.get("predictions", [answer])[0]
            right += answer["label"] == one.label
        client.close()
    return right / len(digits)
