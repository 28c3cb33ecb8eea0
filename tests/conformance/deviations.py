"""Where a test double is known not to be like AWS: by world and test, with the reason.

An entry that is no longer true fails the suite (xfail strict).
"""

DEVIATIONS: dict[str, dict[str, str]] = {
    "moto": {},
    "lab": {},
}
