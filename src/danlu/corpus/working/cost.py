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

# Measured with 100 MB of JSON lines, 34,000 documents, mostly Chinese; rules for quality with two sets of four.
BASE_SECONDS = 0.5
SECONDS_PER_BYTE = 3.6e-8
CHINESE_SECONDS_PER_BYTE = 1.5e-8
NEAR_SECONDS_PER_BYTE = 2.0e-8
QUALITY_SECONDS_PER_BYTE = 3.5e-8
PERSONAL_SECONDS_PER_BYTE = 4.0e-8
AGAINST_SECONDS_PER_BYTE = 6.5e-8
"""Of what is held against, to read it again and make keys and signatures."""
JOIN_SECONDS_PER_BYTE = 6e-9
BASE_MEMORY_BYTES = 150 * 2**20
PROCESS_MEMORY_BYTES = 75 * 2**20
COMPILER_MEMORY_BYTES = 110 * 2**20
"""Of what makes and runs compiled loops, whatever they are for."""
NEAR_MEMORY_BYTES = 25 * 2**20
QUALITY_MEMORY_BYTES = 20 * 2**20
PERSONAL_MEMORY_BYTES = 45 * 2**20
DISK_PER_BYTE = 0.75


def estimate_of(config: CleanConfig, files: Sequence[SourceFile], inputs: Inputs) -> Estimate:
    """Of the whole stage."""
    model = next((each.facts for each in inputs.get(SemanticConfig.INPUT, ())), {})
    num_bytes = sum(file.num_bytes for file in files)
    processes = config.processes or num_usable_cores()
    seconds_per_byte, memory = SECONDS_PER_BYTE, PROCESS_MEMORY_BYTES
    is_corpus = config.into == "corpus"
    for is_asked, its_seconds, its_memory in (
        (is_corpus and bool(config.chinese), CHINESE_SECONDS_PER_BYTE, 0),
        (config.wants_signatures, NEAR_SECONDS_PER_BYTE, NEAR_MEMORY_BYTES),
        (is_corpus and config.quality is not None, QUALITY_SECONDS_PER_BYTE, QUALITY_MEMORY_BYTES),
        (config.personal is not None, PERSONAL_SECONDS_PER_BYTE, PERSONAL_MEMORY_BYTES),
    ):
        seconds_per_byte += its_seconds * is_asked
        memory += its_memory * is_asked
    is_judged = is_corpus and bool(config.quality or config.scorers)
    if config.wants_signatures or config.personal is not None or is_judged:
        memory += COMPILER_MEMORY_BYTES
    if is_corpus:
        its_seconds, its_memory = tagging_cost(config)
        seconds_per_byte += its_seconds
        memory += its_memory
    against = num_bytes_against(inputs)
    notes = [f"holds them against {against:,} bytes of other artifacts"] if against else []
    repeats = repeats_cost(config, num_bytes, model)
    return Estimate(
        seconds=slowness() * (BASE_SECONDS + num_bytes * (seconds_per_byte / processes + JOIN_SECONDS_PER_BYTE))
        + slowness() * (repeats.divided_seconds / processes + repeats.seconds)
        + slowness() * against * AGAINST_SECONDS_PER_BYTE / processes,
        peak_memory_bytes=BASE_MEMORY_BYTES + processes * memory + repeats.memory_bytes,
        disk_bytes=int(num_bytes * DISK_PER_BYTE),
        notes=[
            f"reads {num_bytes:,} bytes of {len(files):,} files and holds out {described(config.split)}",
            *notes,
            *repeats.notes,
        ],
    )
