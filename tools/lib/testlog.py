#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""testlog.py NAME LOG.json LOG: meson's test log as lines of pass|fail|skip, test, reason."""

import json
import sys

RESULTS = {"OK": "pass", "EXPECTEDFAIL": "pass", "SKIP": "skip"}


def last_line(test):
    for stream in ("stdout", "stderr"):
        lines = test.get(stream, "").strip().splitlines()
        if lines:
            return lines[-1].strip().replace("\t", " ")
    return "it says nothing"


def main():
    name, path, log = sys.argv[1:]
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            tests = [json.loads(line) for line in file]
    except FileNotFoundError:
        tests = []  # no test in the named suites
    for test in tests:
        result = RESULTS.get(test["result"], "fail")
        why = {"pass": "", "skip": last_line(test),
               "fail": f"{test['result'].lower()}: {last_line(test)} ({log})"}[result]
        print(result, f"{name}: {test['name']}", why, sep="\t")


if __name__ == "__main__":
    main()
