"""The sound of a live source, handed from the thread that reads to the one that writes."""

import io
from collections import deque

import av
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Stream

WAITING = 2000  # packets, 40 seconds: an output that is away for longer has lost them


class SoundTap:
    """Listens to the sound of a source. Remembers its packets until they are taken."""

    def __init__(self) -> None:
        self.stream: AudioStream | None = None  # a copy that outlives the source
        # Never written: it holds that copy, while the source and its own description come and go.
        self._shelf = av.open(io.BytesIO(), "w", format="mpegts")  # libav refuses no codec for this one
        self._heard = False  # the sound of the source, as it is open now, is of the kind of that copy
        self._packets: deque[Packet[Stream]] = deque(maxlen=WAITING)

    def opened(self, sound: AudioStream | None) -> None:
        """See Listener. A source that comes back with sound of another kind is silent from then on."""
        if self.stream is None and sound is not None:
            self.stream = self._shelf.add_stream_from_template(sound)
            self._kind = _kind(sound)
        self._heard = sound is not None and _kind(sound) == self._kind

    def heard(self, packet: "Packet[Stream]") -> None:
        """See Listener."""
        if self._heard and packet.size:
            self._packets.append(packet)

    def take(self) -> "list[Packet[Stream]]":
        """What came since the last time, oldest first."""
        return [self._packets.popleft() for _ in range(len(self._packets))]


def _kind(track: AudioStream) -> tuple[object, ...]:
    context = track.codec_context
    return context.name, context.sample_rate, context.channels
