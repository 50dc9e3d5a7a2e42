"""One copied stream: where its packets go, which of them, and at what time."""

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

from av.packet import Packet
from av.stream import Stream

from streamllie.video.containers import Container

JUMP_BACK = 1  # seconds; a clock that goes back further is another recording
MOST_WAITING = 32  # packets of video whose decoding time is not known yet: more than a codec reorders


class Converter(Protocol):
    """Makes packets of another codec, in units of the input's stream."""

    def convert(self, packet: "Packet[Any]") -> "list[Packet[Any]]":
        """What is to be written now that this packet is known."""
        ...

    def rest(self) -> "list[Packet[Any]]":
        """What is left to be written when no packet follows."""
        ...


@dataclass
class Track:
    """Remembers the stream's clock, and packets that cannot be written yet.

    They are one of sound, which its decoder may need before the first heard one, or the first ones of a video until
    there is a decoding time.
    """

    output: Stream
    name: str  # for people
    ties: bool  # whether two packets of the output may have one decoding time
    converter: Converter | None = None
    last: int | None = None  # decoding time of the last packet, in units of the input stream
    placed: int | None = None  # and in those of the output stream
    offset: int = 0  # added to all times after a clock jump
    past_end: bool = False
    late: bool = False  # packets before the first keyframe were left out
    heard: bool = False  # whether a packet has come that is not cut away
    run_up: "Packet[Stream] | None" = None
    waiting: "list[Packet[Stream]]" = field(default_factory=list[Any])  # video, for the first decoding time

    @property
    def is_new(self) -> bool:
        """Whether no packet has come yet."""
        return self.last is None and not self.waiting

    def follow(self, packet: "Packet[Stream]") -> Fraction | None:
        """The time of the next packet, if it has one: seconds on a clock that goes on where the source's jumps back."""
        dts = packet.dts if packet.dts is not None else packet.pts
        if dts is None:
            return None
        if self.last is not None and (self.last - self.offset - dts) * packet.time_base > JUMP_BACK:
            self.offset = self.last + 1 - dts
        return self.time_of(packet)

    def time_of(self, packet: "Packet[Stream]") -> Fraction | None:
        """When it is shown or heard, in seconds on that clock, if it says so."""
        stamp = packet.pts if packet.pts is not None else packet.dts
        return None if stamp is None else (stamp + self.offset) * packet.time_base

    def shown_at(self, packet: "Packet[Stream]", begin: Fraction) -> bool:
        """Whether it is a subtitle that is on screen at a moment, in seconds; if so, make it appear then.

        Changes the times of the packet, which began before that moment.
        """
        if self.output.type != "subtitle" or packet.pts is None or not packet.duration:
            return False
        late = math.ceil(begin / packet.time_base) - self.offset - packet.pts
        if not 0 < late < packet.duration:
            return False
        packet.pts = packet.dts = packet.pts + late
        packet.duration -= late
        return True

    def end_by(self, packet: "Packet[Stream]", end: Fraction) -> None:
        """Make a subtitle leave the screen at a moment, in seconds: it would make the file longer than was asked."""
        if self.output.type == "subtitle" and packet.pts is not None and packet.duration:
            left = math.floor(end / packet.time_base) - self.offset - packet.pts
            packet.duration = min(packet.duration, max(1, left))

    def ready(self, packet: "Packet[Stream]", *, container: Container) -> "list[Packet[Stream]]":
        """What is to be written now. Sound that the source's edit list cuts away is not, or it would be heard.

        The last cut packet before the first heard one stays: a decoder starts with it. Not in avi, which has no
        time before 0: it would delay the sound. With an edit list of its own, the output hides all before 0.
        """
        if self.output.type == "video":
            return self._with_decoding_times(packet)
        if not packet.is_discard or self.output.type != "audio":
            before, self.run_up, self.heard = self.run_up, None, True
            return [packet] if before is None else [before, packet]
        if self.heard:
            return []
        if container.edit_list:
            return [packet]
        if not container.constant_rate:
            self.run_up = packet
        return []

    def rest(self) -> "list[Packet[Stream]]":
        """What still waits, when no packet is to follow."""
        return self._in_their_order() if self.converter is None else self.converter.rest()

    def _with_decoding_times(self, packet: "Packet[Stream]") -> "list[Packet[Stream]]":
        """Matroska tells when a picture is shown: the first ones that come in another order have no decoding time."""
        if packet.dts is None and self.last is None:
            self.waiting.append(packet)
            return self._in_their_order() if len(self.waiting) == MOST_WAITING else []
        earlier, self.waiting = self.waiting, []
        dts = packet.dts
        for before in reversed(earlier):
            if dts is not None:
                dts = before.dts = min(dts - max(1, before.duration or 1), dts if before.pts is None else before.pts)
        return [*earlier, packet]

    def _in_their_order(self) -> "list[Packet[Stream]]":
        """What waits, decoded as far apart as it is shown, and early enough."""
        waiting, self.waiting = self.waiting, []
        stamped = [packet for packet in waiting if packet.pts is not None]
        times = sorted(packet.pts for packet in stamped if packet.pts is not None)
        delay = max((at - (packet.pts or 0) for at, packet in zip(times, stamped, strict=True)), default=0)
        for at, packet in zip(times, stamped, strict=True):
            packet.dts = at - delay
        return waiting

    def place(self, packet: "Packet[Stream]", *, shift: Fraction) -> None:
        """Put a packet onto the output's clock, which never goes back. Pictures keep the time when they are shown."""
        if packet.dts is None:
            packet.dts = packet.pts
        if packet.dts is None:
            packet.dts = 0 if self.last is None else self.last + (packet.duration or 1) - self.offset
        dts = packet.dts + self.offset
        self.last = dts if self.last is None else max(self.last, dts)
        base, to = packet.time_base, self.output.time_base or packet.time_base
        by = self.offset - round(shift / base)
        dts = _rescaled(packet.dts + by, base, to)
        late = 0 if self.placed is None else max(0, self.placed + (not self.ties) - dts)
        self.placed = packet.dts = dts + late
        if packet.pts is not None:
            pts = _rescaled(packet.pts + by, base, to)
            packet.pts = max(pts, packet.dts) if self.output.type == "video" else pts + late
        packet.duration = _rescaled(packet.duration or 0, base, to)
        packet.time_base = to
        packet.stream = self.output


def _rescaled(ticks: int, base: Fraction, to: Fraction) -> int:
    """To the nearest tick of another clock; halves away from 0, as libav rounds."""
    exact = abs(ticks) * base / to
    nearest = (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)
    return nearest if ticks >= 0 else -nearest
