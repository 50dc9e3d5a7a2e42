"""The encoders we know: what each takes, and settings that look right and keep up with the picture."""

from dataclasses import dataclass

X26_PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow", "placebo"),
)
PRORES_PROFILES = ("proxy", "lt", "standard", "hq")
# As libav calls those of a source, and ours.
PRORES_KEPT = (("Proxy", "proxy"), ("LT", "lt"), ("HQ", "hq"), ("4444", "hq"), ("XQ", "hq"))


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """One encoder of libav: what it takes and what we ask of it."""

    name: str
    family: str
    layouts: dict[int, str]  # bits per sample: the pixel format that it takes
    preset_option: str | None = None
    presets: tuple[str, ...] = ()
    preset: str | None = None
    kept_profiles: tuple[tuple[str, str], ...] = ()  # of a source of its family: the profile, the preset that keeps it
    quality_option: str | None = None  # where --crf goes
    quality: int = 0
    quality_range: tuple[int, int] = (0, 51)
    most_rate: int = 1_000_000_000  # bits per second: libav counts the buffer, twice this, in 32 bits
    least: int = 1  # pixels of a side: libx265 writes beyond its memory below, SVT-AV1 waits for ever
    odd_sizes: bool = True
    pixel_shape: bool = False  # its own headers tell it, in any container
    full_range_in: frozenset[str] | None = None  # muxers in which players see that levels are full; None: in all
    hardware: bool = False
    options: tuple[tuple[str, str], ...] = ()


# The presets are near real time on two cores. Measured, 1080p, frames per second: x264 veryfast 28 to 47,
# x265 superfast 22, SVT-AV1 10 above 100, libvpx 7 about 80. The qualities look alike: near the source.
YUV8_10 = {8: "yuv420p", 10: "yuv420p10le"}
ENCODERS = (
    *(
        Encoder(
            name=f"{family}_nvenc",
            family=family,
            layouts={8: "yuv420p"} if family == "h264" else {8: "yuv420p", 10: "p010le"},
            preset_option="preset",
            presets=tuple(f"p{n}" for n in range(1, 8)),
            preset="p5",
            quality_option="cq",
            quality=quality,
            odd_sizes=False,
            pixel_shape=family != "av1",
            hardware=True,
            options=(("rc", "vbr"), ("b", "0"), ("spatial-aq", "1")),
        )
        for family, quality in (("h264", 22), ("hevc", 24), ("av1", 30))
    ),
    Encoder(
        name="libx264",
        family="h264",
        layouts=YUV8_10,
        preset_option="preset",
        presets=X26_PRESETS,
        preset="veryfast",
        quality_option="crf",
        quality=20,
        odd_sizes=False,
        pixel_shape=True,
    ),
    Encoder(
        name="libx265",
        family="hevc",
        layouts=YUV8_10 | {12: "yuv420p12le"},
        preset_option="preset",
        presets=X26_PRESETS,
        preset="superfast",
        quality_option="crf",
        quality=22,
        least=48,
        odd_sizes=False,
        pixel_shape=True,
        options=(("x265-params", "log-level=none"),),
    ),
    Encoder(
        name="libsvtav1",
        family="av1",
        layouts=YUV8_10,
        preset_option="preset",
        presets=tuple(str(n) for n in range(14)),
        preset="10",
        quality_option="crf",
        quality=30,
        quality_range=(0, 63),
        most_rate=100_000_000,
        least=32,
    ),
    Encoder(
        name="libvpx-vp9",
        family="vp9",
        layouts={8: "yuv420p"},
        preset_option="cpu-used",
        presets=tuple(str(n) for n in range(9)),
        preset="7",
        quality_option="crf",
        quality=28,
        quality_range=(0, 63),
        options=(("deadline", "realtime"), ("row-mt", "1")),
    ),
    Encoder(
        name="ffv1",
        family="ffv1",
        layouts=YUV8_10 | {12: "yuv420p12le"},
        full_range_in=frozenset({"matroska"}),
        options=(("level", "3"), ("slicecrc", "1"), ("g", "1")),
    ),
    Encoder(
        name="prores_ks",
        family="prores",
        layouts={10: "yuv422p10le"},
        preset_option="profile",
        presets=PRORES_PROFILES,
        preset="standard",
        kept_profiles=PRORES_KEPT,
        full_range_in=frozenset(),
    ),
)
FAMILIES = tuple(dict.fromkeys(encoder.family for encoder in ENCODERS))
LOSSY_FAMILIES = ("h264", "hevc", "av1", "vp9")  # "auto" turns to these; ffv1 and prores only if the source has them
