"""One copied stream: where its packets go, which of them, and at what time."""

import math
from dataclasses import dataclass
from fractions import Fraction

from av.packet import Packet
from av.stream import Stream

from streamllie.video.containers import Container
from streamllie.video.subtitles import SubtitleConverter

JUMP_BACK = 1  # seconds; a clock that goes back further is another recording


@dataclass
class Track:
    """Remembers the stream's clock, and one packet of sound that its decoder may need before the first heard one."""

    output: Stream
    converter: SubtitleConverter | None = None
    last: int | None = None  # decoding time of the last packet, in units of the input stream
    offset: int = 0  # added to all times after a clock jump
    past_end: bool = False
    heard: bool = False  # whether a packet has come that is not cut away
    run_up: "Packet[Stream] | None" = None

    def follow(self, packet: "Packet[Stream]") -> Fraction | None:
        """The time of the next packet, if it has one: seconds on a clock that goes on where the source's jumps back."""
        time, dts = time_of(packet), packet.dts if packet.dts is not None else packet.pts
        if time is None or dts is None:
            return None
        if self.last is not None and (self.last - self.offset - dts) * packet.time_base > JUMP_BACK:
            self.offset = self.last + 1 - dts
        return time + self.offset * packet.time_base

    def shown_at(self, packet: "Packet[Stream]", begin: Fraction) -> bool:
        """Whether it is a subtitle that is on screen at a moment, in seconds; if so, make it appear then.

        Changes the times of the packet, which began before that moment.
        """
        if self.output.type != "subtitle" or packet.pts is None or not packet.duration:
            return False
        late = math.ceil(begin / packet.time_base) - packet.pts
        if not 0 < late < packet.duration:
            return False
        packet.pts = packet.dts = packet.pts + late
        packet.duration -= late
        return True

    def ready(self, packet: "Packet[Stream]", *, container: Container) -> "list[Packet[Stream]]":
        """What is to be written now. Sound that the source's edit list cuts away is not, or it would be heard.

        The last cut packet before the first heard one stays: a decoder starts with it. Not in avi, which has no
        time before 0: it would delay the sound. With an edit list of its own, the output hides all before 0.
        """
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

    def place(self, packet: "Packet[Stream]", *, shift: Fraction) -> None:
        """Put a packet onto the output's clock, which never goes back."""
        if packet.dts is None:
            packet.dts = packet.pts
        if packet.dts is None:
            packet.dts = 0 if self.last is None else self.last + (packet.duration or 1) - self.offset
        dts = packet.dts + self.offset
        late = 0 if self.last is None else max(0, self.last - dts)
        self.last = dts + late
        by = self.offset + late - round(shift / packet.time_base)
        packet.dts += by
        if packet.pts is not None:
            packet.pts += by
        packet.stream = self.output


def time_of(packet: "Packet[Stream]") -> Fraction | None:
    """When it is shown or heard, in seconds on the source's clock, if it says so."""
    stamp = packet.pts if packet.pts is not None else packet.dts
    return None if stamp is None else stamp * packet.time_base
