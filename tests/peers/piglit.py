#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs piglit's tests inside a guest, and prints one line for each: "piglit: RESULT TEST".

usage: piglit.py LIST   (in piglit's folder)

A test is a line of LIST: a shader_test below tests/spec/, without its ending, or a program of bin/ and
its arguments. The result is piglit's own (pass, warn, fail, skip), or crash or timeout. Shader tests run
several in one process, which starts once for all of them; a process that ends early is started again
behind the test that ended it.
"""
import itertools
import json
import os
import re
import subprocess
import sys

TIMEOUT = 60
BATCH = 20
ENV = {**os.environ, "PIGLIT_PLATFORM": "gbm", "PIGLIT_SOURCE_DIR": os.getcwd(),
       "LD_LIBRARY_PATH": os.path.join(os.getcwd(), "lib")}


def say(result, test):
    print(f"piglit: {result} {test}", flush=True)


def run(command, timeout):
    """Its output, and what to call an end without a result."""
    try:
        done = subprocess.run(command, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        return (error.stdout or b"").decode(errors="replace"), "timeout"
    return done.stdout.decode(errors="replace"), "crash" if done.returncode < 0 else "fail"


def reports(output):
    for line in re.findall(r"^PIGLIT: (\{.*\})$", output, re.M):
        yield json.loads(line)


def runner(test):
    """The program that runs a shader test: one for each API."""
    if test.startswith("glsl-es-1."):
        return "shader_runner_gles2"
    return "shader_runner_gles3" if test.startswith("glsl-es-") else "shader_runner"


def run_shaders(program, tests):
    """Each of several is reported as a subtest of the process."""
    while len(tests) > 1:
        paths = [f"tests/spec/{test}.shader_test" for test in tests]
        output, end = run([f"bin/{program}", *paths, "-auto", "-fbo", "-report-subtests"],
                          TIMEOUT + 5 * len(tests))
        found = [result for report in reports(output)
                 for result in report.get("subtest", {}).values()]
        if len(found) < len(tests):
            found.append(end)
        for test, result in zip(tests, found):
            say(result, test)
        tests = tests[len(found):]
    for test in tests:
        run_program(f"{program} tests/spec/{test}.shader_test", test)


def run_program(command, test):
    program, *args = command.split()
    output, end = run([f"bin/{program}", *args, "-auto", "-fbo"], TIMEOUT)
    say(next((report["result"] for report in reports(output) if "result" in report), end), test)


def main():
    with open(sys.argv[1], encoding="ascii") as file:
        tests = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    shaders = [test for test in tests if os.path.exists(f"tests/spec/{test}.shader_test")]
    for program, group in itertools.groupby(shaders, runner):
        group = list(group)
        for start in range(0, len(group), BATCH):
            run_shaders(program, group[start:start + BATCH])
    for test in tests:
        if test not in shaders:
            run_program(test, test)
    print(f"piglit: end of {len(tests)} tests", flush=True)


main()
