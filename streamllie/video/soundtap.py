"""The sound of a live source, handed from the thread that reads to the one that writes."""

import io
from collections import deque

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

WAITING = 2000  # packets, 40 seconds: an output that is away for longer has lost them


class SoundTap:
    """Listens to the first track of sound. Remembers its packets until they are taken."""

    def __init__(self) -> None:
        self.stream: AudioStream | None = None  # a copy that outlives the source
        # Never written: it holds that copy, while the source and its own description come and go.
        self._shelf = av.open(io.BytesIO(), "w", format="mpegts")  # libav refuses no codec for this one
        self._present: int | None = None  # number of the track in the source as it is open now
        self._packets: deque[Packet[Stream]] = deque(maxlen=WAITING)

    def opened(self, container: InputContainer) -> None:
        """See Listener. A source that comes back with sound of another kind is silent from then on."""
        tracks = container.streams.audio
        if self.stream is None and tracks:
            self.stream = self._shelf.add_stream_from_template(tracks[0])
            self._kind = _kind(tracks[0])
        fitting = [track for track in tracks if _kind(track) == self._kind] if self.stream is not None else []
        self._present = fitting[0].index if fitting else None

    def heard(self, packet: "Packet[Stream]") -> None:
        """See Listener."""
        if packet.stream.index == self._present and packet.size:
            self._packets.append(packet)

    def take(self) -> "list[Packet[Stream]]":
        """What came since the last time, oldest first."""
        return [self._packets.popleft() for _ in range(len(self._packets))]


def _kind(track: AudioStream) -> tuple[object, ...]:
    context = track.codec_context
    return context.name, context.sample_rate, context.channels
