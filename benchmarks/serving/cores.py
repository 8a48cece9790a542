"""What a machine's cores are worth together: shared ones may give one core's work between two processes."""

import subprocess
import sys

PROGRAM = """
import sys, time
print("ready", flush=True)
sys.stdin.readline()
end, rounds = time.perf_counter() + float(sys.argv[1]), 0
while time.perf_counter() < end:
    sum(range(1000))
    rounds += 1
print(rounds)
"""
"""Counts what it does in so many seconds, from the moment that it reads a line."""


TURNS = 5


def worth(processes: int = 2, seconds: float = 5.0) -> float:
    """How many times as much so many processes do at once as one of them does alone, in turns: their number at best."""
    turns = [(sum(_rounds(1, seconds / TURNS)), sum(_rounds(processes, seconds / TURNS))) for _ in range(TURNS)]
    return sum(many for _, many in turns) / sum(alone for alone, _ in turns)


def _rounds(processes: int, seconds: float) -> list[int]:
    command = [sys.executable, "-c", PROGRAM, str(seconds)]
    pipe = subprocess.PIPE
    running = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(processes)]
    for process in running:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    return [int(process.communicate()[0]) for process in running]
