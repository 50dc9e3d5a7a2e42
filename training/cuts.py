"""Judge the cut detector on made-up stories whose cuts are known.

    python -m training.cuts --data DATA                # scenes that the detector was not tuned on
    python -m training.cuts --data DATA --part tune    # the others
    python -m training.cuts                            # drawn scenes, without any data

A cut is found if it is seen at its first frame or the one after; a scene that comes out of black, anywhere in the
fade. Everything else that is called a cut is a false alarm, told under the event during which it came.
"""

import argparse
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from streamllie.temporal.cuts import CutDetector
from training import degrade
from training.command import at_least, said
from training.stories import EVENTS, Happening, Story, scenes

RATES = (15, 30, 60)  # frames per second
JUDGE = 2000  # the first seed of the stories to judge by
CAMERA = degrade.Camera("drawn", 0.5, 8.0, degrade.Fit(0.6, 1.5, 0.2), degrade.Fit(0.6, 0.0, 0.2))  # without any data


@dataclass
class Judgement:
    """What a detector found, by kind of event; "rest" is between events."""

    events: Counter[str] = field(default_factory=Counter[str])
    found: Counter[str] = field(default_factory=Counter[str])
    expected: Counter[str] = field(default_factory=Counter[str])
    false: Counter[str] = field(default_factory=Counter[str])
    missed: list[tuple[int, int, int]] = field(default_factory=list[tuple[int, int, int]])  # seed, rate, frame
    alarms: list[tuple[int, int, int, str]] = field(default_factory=list[tuple[int, int, int, str]])

    @property
    def recall(self) -> float:
        """Share of the cuts that were found."""
        return self.found.total() / max(self.expected.total(), 1)

    @property
    def precision(self) -> float:
        """Share of what was called a cut that is one."""
        return self.found.total() / max(self.found.total() + self.false.total(), 1)

    def add(self, seed: int, rate: int, happenings: list[Happening], called: list[int]) -> None:
        """Count one story, in which a detector called these frames cuts."""
        left = set(called)
        for event in happenings:
            self.events[event.kind] += 1
            if event.cut is None:
                continue
            self.expected[event.kind] += 1
            seen = [n for n in sorted(left) if event.cut[0] <= n <= event.cut[1]]
            if seen:
                self.found[event.kind] += 1
                left.remove(seen[0])
            else:
                self.missed.append((seed, rate, event.cut[0]))
        for n in sorted(left):
            during = next((event.kind for event in happenings if event.first <= n < event.after), "rest")
            self.false[during] += 1
            self.alarms.append((seed, rate, n, during))


@said("cuts")
def main() -> None:
    """Parse the command line, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="data folder, see training/README.md")
    parser.add_argument("--part", choices=("tune", "judge"), default="judge", help="which half of the scenes")
    parser.add_argument("--stories", type=at_least(1), default=24, help="each has some 20 events")
    parser.add_argument("--each", action="store_true", help="say where cuts were missed and where alarms were false")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    judged = judge(args.data, part=args.part, stories=args.stories)
    if args.json:
        print(json.dumps({"precision": judged.precision, "recall": judged.recall, "events": judged.events.total()}))
        return
    print(f"{'event':18}{'times':>7}{'cuts':>7}{'found':>7}{'false':>7}")
    for kind in (*EVENTS, "rest"):
        counts = (judged.events[kind], judged.expected[kind], judged.found[kind], judged.false[kind])
        print(f"{kind:18}" + "".join(f"{count:7}" for count in counts))
    if args.each:
        for seed, rate, frame in judged.missed:
            print(f"missed: story {seed} at {rate} fps, frame {frame}")
        for seed, rate, frame, during in judged.alarms:
            print(f"false: story {seed} at {rate} fps, frame {frame}, {during}")
    print(f"{judged.events.total()} events: precision {judged.precision:.3f}, recall {judged.recall:.3f}")


def judge(data: Path | None, *, part: str, stories: int) -> Judgement:
    """Tell so many stories to a fresh detector each, at the frame rates in turn; the parts share no story."""
    subjects = scenes(data, part=part)
    cameras = degrade.cameras(data / "sensor-noise/cameras.json") if data is not None else [CAMERA]
    judged = Judgement()
    for number in range(stories):
        rate, seed = RATES[number % len(RATES)], number + JUDGE * (part == "judge")
        story, is_cut = Story(seed, subjects, cameras, rate=rate), CutDetector()
        called = [n for n, luma in enumerate(story) if is_cut(luma)]
        judged.add(seed, rate, story.happenings, called)
    return judged


if __name__ == "__main__":
    main()
