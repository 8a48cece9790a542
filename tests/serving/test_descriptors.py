import subprocess
import sys

import pytest

pytest.importorskip("resource")

LIMITS = """
import resource
from serving.descriptors import allow
resource.setrlimit(resource.RLIMIT_NOFILE, (60, 100))
for count in (50, 80, 500):
    allow(count)
    print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_the_limit_is_raised_as_far_as_may_be_and_never_lowered() -> None:
    done = subprocess.run([sys.executable, "-c", LIMITS], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["60 100", "80 100", "100 100"]
