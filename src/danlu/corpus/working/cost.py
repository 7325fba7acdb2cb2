"""What reading, comparing and writing will take, from the sizes of the files alone."""

from __future__ import annotations

from collections.abc import Sequence

from danlu.artifacts.stage import Estimate
from danlu.corpus.config import CleanConfig, SemanticConfig
from danlu.corpus.files import SourceFile
from danlu.corpus.splitting.report import described
from danlu.corpus.tagging.cost import tagging_cost
from danlu.corpus.working.earlier import num_bytes_against
from danlu.corpus.working.repeats_cost import repeats_cost
from danlu.corpus.working.work import Inputs
from danlu.hardware.machine import num_usable_cores
from danlu.hardware.yardstick import slowness

# Measured with 312,000 poems (134 MB of JSON in 313 files, 66 MB of text).
BASE_SECONDS = 0.5
SECONDS_PER_BYTE = 6.0e-8
CHINESE_SECONDS_PER_BYTE = 1.5e-8
NEAR_SECONDS_PER_BYTE = 6.0e-8
"""Measured with 102 MB of which half nearly repeats others; the comparing is done by one process."""
AGAINST_SECONDS_PER_BYTE = 6.5e-8
"""Of what is held against, to read it again and make keys and signatures."""
JOIN_SECONDS_PER_BYTE = 6e-9
BASE_MEMORY_BYTES = 245 * 2**20
PROCESS_MEMORY_BYTES = 90 * 2**20
NEAR_MEMORY_BYTES = 110 * 2**20
"""Of the compiler, mostly."""
COMPARING_MEMORY_BYTES = 90 * 2**20
QUALITY_SECONDS_PER_BYTE = 1.5e-7
QUALITY_MEMORY_BYTES = 150 * 2**20
"""Of the compiler, mostly."""
DISK_PER_BYTE = 0.75


def estimate_of(config: CleanConfig, files: Sequence[SourceFile], inputs: Inputs) -> Estimate:
    """Of the whole stage."""
    model = next((each.facts for each in inputs.get(SemanticConfig.INPUT, ())), {})
    num_bytes = sum(file.num_bytes for file in files)
    processes = config.processes or num_usable_cores()
    seconds_per_byte, memory = SECONDS_PER_BYTE, PROCESS_MEMORY_BYTES
    if config.into == "corpus" and config.chinese:
        seconds_per_byte += CHINESE_SECONDS_PER_BYTE
    if config.wants_signatures:
        seconds_per_byte += NEAR_SECONDS_PER_BYTE
        memory += NEAR_MEMORY_BYTES
    if config.into == "corpus" and config.quality is not None:
        seconds_per_byte += QUALITY_SECONDS_PER_BYTE
        memory += QUALITY_MEMORY_BYTES
    if config.into == "corpus":
        its_seconds, its_memory = tagging_cost(config)
        seconds_per_byte += its_seconds
        memory += its_memory
    against = num_bytes_against(inputs)
    notes = [f"holds them against {against:,} bytes of other artifacts"] if against else []
    comparing = COMPARING_MEMORY_BYTES if config.wants_signatures else 0
    repeats = repeats_cost(config, num_bytes, model)
    return Estimate(
        seconds=slowness() * (BASE_SECONDS + num_bytes * (seconds_per_byte / processes + JOIN_SECONDS_PER_BYTE))
        + slowness() * (repeats.divided_seconds / processes + repeats.seconds)
        + slowness() * against * AGAINST_SECONDS_PER_BYTE / processes,
        peak_memory_bytes=BASE_MEMORY_BYTES + processes * memory + comparing + repeats.memory_bytes,
        disk_bytes=int(num_bytes * DISK_PER_BYTE),
        notes=[
            f"reads {num_bytes:,} bytes of {len(files):,} files and holds out {described(config.split)}",
            *notes,
            *repeats.notes,
        ],
    )
