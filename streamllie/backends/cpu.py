"""What the processor is called, what it can do, and whether it is faster in bfloat16."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")  # as Linux spells them
CPUINFO = Path("/proc/cpuinfo")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True)
class Cpu:
    """The processor, as far as the system tells."""

    name: str
    vendor: str = ""  # "AuthenticAMD", "GenuineIntel"
    features: tuple[str, ...] = ()  # those of FEATURES that it has

    @classmethod
    def here(cls, cpuinfo: Path = CPUINFO) -> "Cpu":
        """This machine's."""
        try:
            lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return cls(name=platform.processor() or platform.machine())
        facts = dict(reversed([(k.strip(), v.strip()) for k, _, v in (line.partition(":") for line in lines)]))
        flags = set(facts.get("flags", "").split())
        return cls(
            name=facts.get("model name", platform.machine()),
            vendor=facts.get("vendor_id", ""),
            features=tuple(name for name in FEATURES if name in flags),
        )

    @property
    def computes_bf16(self) -> bool:
        """Whether it has instructions for bfloat16 at all."""
        return "avx512_bf16" in self.features or "amx_bf16" in self.features

    @property
    def fast_bf16(self) -> bool:
        """Whether bfloat16 is faster than float32.

        AMX and AMD's AVX-512 multiply several or twice as many numbers in it. Intel's AVX-512 alone does not: an
        Emerald Rapids without AMX took 1.4 times as long for a frame (`streamllie bench`).
        """
        return "amx_bf16" in self.features or ("avx512_bf16" in self.features and self.vendor == "AuthenticAMD")
