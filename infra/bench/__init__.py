"""`lambake bench`: Lambake beside what a user would write or take instead, in one run.

    contenders/    the functions that are compared, and the table that lists them
    places.py      where a function runs: the real RIE, our emulator, plain HTTP
    samples.py     one fresh process: its first answer, warm answers, CPU time and memory
    scenarios/     one file a scenario, each a `run` that gives sections of the page
    pictures.py    the digits that accuracy is measured on
    installed.py   how large a function's packages are
    page.py        docs/benchmark.md, with charts in SVG

The cost of the design: a cold start is a process of its own, so ten rounds of six contenders take
minutes. Times depend on what else the machine does. So contenders take turns, and what counts is
the ratio of each to its neighbours of the same round, and CPU time.
"""
