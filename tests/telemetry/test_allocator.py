"""What stays with the process when memory is freed, by the kernel's own figures."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from resident_memory import MEGABYTE, linux, resident_bytes

from danlu.telemetry.allocator import ask_for_huge_pages, freed_memory_kept, release_memory

HELD = 100 * MEGABYTE


def touch() -> None:
    np.ones(HELD, np.uint8)


@linux
def test_freed_memory_is_kept_until_the_end() -> None:
    release_memory()
    before = resident_bytes()
    touch()
    assert resident_bytes() - before < 20 * MEGABYTE, "glibc hands it back by itself"
    with freed_memory_kept():
        touch()
        assert resident_bytes() - before > 80 * MEGABYTE
        touch()
        assert resident_bytes() - before < 120 * MEGABYTE, "what was kept is used again"
    assert resident_bytes() - before < 20 * MEGABYTE
    touch()
    assert resident_bytes() - before < 20 * MEGABYTE, "and handed back again afterwards"


@linux
def test_it_is_handed_back_after_a_failure() -> None:
    release_memory()
    before = resident_bytes()

    @freed_memory_kept()
    def fail() -> None:
        touch()
        raise KeyError("lost")

    with pytest.raises(KeyError, match="lost"):
        fail()
    assert resident_bytes() - before < 20 * MEGABYTE


SCRIPT = """
from danlu.telemetry.allocator import ask_for_huge_pages
ask_for_huge_pages()
import torch
tensor = torch.ones(2**24)
(line,) = [line for line in open("/proc/self/smaps_rollup") if line.startswith("AnonHugePages")]
print(int(line.split()[1]))
"""


@linux
@pytest.mark.parametrize("chosen", [None, "0"])
def test_large_tensors_lie_in_huge_pages_unless_the_user_chose(chosen: str | None) -> None:
    switch = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if not switch.is_file() or "[madvise]" not in switch.read_text():
        pytest.skip("the system does not leave huge pages to programs")
    environment = {name: value for name, value in os.environ.items() if name != "THP_MEM_ALLOC_ENABLE"}
    if chosen is not None:
        environment["THP_MEM_ALLOC_ENABLE"] = chosen
    said = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
    kilobytes = int(said.stdout)
    assert kilobytes > 32 * 1024 if chosen is None else kilobytes == 0


def test_the_choice_of_the_user_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THP_MEM_ALLOC_ENABLE", "0")
    ask_for_huge_pages()
    assert os.environ["THP_MEM_ALLOC_ENABLE"] == "0"


def without_choices() -> dict[str, str]:
    """This environment with nothing said about arenas."""
    return {name: value for name, value in os.environ.items() if name not in ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES")}


ARENAS = """
import ctypes
import sys
import threading
from pathlib import Path
from danlu.telemetry.allocator import limit_arenas

limit_arenas(int(sys.argv[1]))
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
barrier = threading.Barrier(12)
def take():
    libc.malloc(ctypes.c_size_t(50_000))
    barrier.wait()
threads = [threading.Thread(target=take) for _ in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc.fopen.restype = ctypes.c_void_p
file = libc.fopen(sys.argv[2].encode(), b"w")
libc.malloc_info(0, ctypes.c_void_p(file))
libc.fclose(ctypes.c_void_p(file))
print(Path(sys.argv[2]).read_text().count("<heap nr="))
"""


@linux
@pytest.mark.parametrize(
    ("num_cores", "chosen", "expected"),
    [
        pytest.param(3, {}, 3, id="one for each core"),
        pytest.param(1, {}, 2, id="two at least"),
        pytest.param(3, {"MALLOC_ARENA_MAX": "5"}, 5, id="the user's choice stays"),
        pytest.param(3, {"GLIBC_TUNABLES": "glibc.malloc.arena_max=5"}, 5, id="the user's choice among tunables stays"),
    ],
)
def test_threads_share_as_many_arenas_as_there_are_cores(
    num_cores: int, chosen: dict[str, str], expected: int, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", ARENAS, str(num_cores), str(tmp_path / "malloc_info.xml")]
    said = subprocess.run(command, env=without_choices() | chosen, capture_output=True, text=True, check=True)
    assert int(said.stdout) == expected


WORKERS = """
import ctypes
import re
import sys
import threading
from pathlib import Path
import torch
from danlu.hardware.threads import workers_of_one_thread
from danlu.telemetry.allocator import freed_memory_kept, limit_arenas

limit_arenas(2)
torch.set_num_threads(2)
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
both = threading.Barrier(2)
end = threading.Event()

def sizes():
    file = libc.fopen(sys.argv[1].encode(), b"w")
    libc.malloc_info(0, ctypes.c_void_p(file))
    libc.fclose(ctypes.c_void_p(file))
    heaps = Path(sys.argv[1]).read_text().split("<heap nr=")[1:]
    return [int(re.search('<system type="current" size="([0-9]+)"', heap)[1]) for heap in heaps]

def take(_):
    for _ in range(20):
        libc.malloc(ctypes.c_size_t(2_000_000))

def other():
    libc.malloc(ctypes.c_size_t(1000))
    end.wait()

with freed_memory_kept(), workers_of_one_thread() as workers:
    list(workers.map(lambda _: None, range(1)))
    between = threading.Thread(target=other)
    between.start()
    before = sizes()
    list(workers.map(lambda _: (both.wait(), take(_), both.wait()), range(2)))
    print(*(after - size for after, size in zip(sizes(), before, strict=True)))
    end.set()
"""


@linux
def test_each_worker_has_an_arena_of_its_own(tmp_path: Path) -> None:
    """Another thread starts after the first has had work and before the second has: it does not come between them."""
    command = [sys.executable, "-c", WORKERS, str(tmp_path / "malloc_info.xml")]
    said = subprocess.run(command, env=without_choices(), capture_output=True, text=True, check=True)
    grown = [int(size) for size in said.stdout.split()]
    assert len(grown) == 2
    assert min(grown) > 39_000_000, grown
