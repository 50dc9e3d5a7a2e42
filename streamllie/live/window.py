"""The preview window: the picture, a split to drag, sliders, figures and keys."""

import logging
import os
import time
from types import TracebackType
from typing import Self, cast

import pygame

from streamllie.errors import SinkError, StreamLLIEError
from streamllie.frame import Frame
from streamllie.live.overlay import Overlay, Slider
from streamllie.live.recordings import Recordings
from streamllie.live.shape import composed, square
from streamllie.live.stage import Controls, Shown
from streamllie.live.stats import Stats
from streamllie.video.preview import Preview

GRIP = 14  # pixels around the split line in which the mouse takes it
READ = 4.0  # seconds for which is shown what happened to a picture that was to be kept
LARGEST = (720, 1280)  # rows and columns of a new window

UNSEEN = {"offscreen", "dummy"}  # SDL's drivers that draw for nobody: what it takes where no display is

log = logging.getLogger(__name__)


def open_display(instead: str) -> None:
    """Make windows possible, or raise SinkError with what a person can do instead."""
    try:
        pygame.display.init()
    except pygame.error as error:
        raise SinkError(f"no window can be opened here ({error}); {instead}") from error
    if pygame.display.get_driver() in UNSEEN and "SDL_VIDEODRIVER" not in os.environ:
        raise SinkError(f"no window can be opened here (there is no display); {instead}")


class Window:
    """A view on the screen. A context manager: leaving closes the window."""

    def __init__(self, controls: Controls, recordings: Recordings) -> None:
        self._controls, self._recordings = controls, recordings
        self._preview = Preview()
        self._screen: pygame.Surface | None = None
        self._last: Shown | None = None
        self._stats: Stats | None = None
        self._held: Slider | str | None = None
        self._hidden = False
        self._said: str | None = None
        self._said_until = 0.0

    def __enter__(self) -> Self:
        open_display("use --view none or --view browser")
        self._overlay = Overlay()
        pygame.display.set_caption("StreamLLIE")
        self._screen = self._sized(480, 640)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pygame.quit()

    def show(self, picture: Shown) -> None:
        """Draw one frame with all that belongs over it."""
        if self._last is None:
            rows = picture.format.height
            columns = rows * square(picture.format)
            share = min(1.0, LARGEST[0] / rows, LARGEST[1] / columns)
            self._screen = self._sized(round(rows * share), round(columns * share))
        self._last = picture
        self._draw()

    def tick(self, stats: Stats | None) -> bool:
        """Answer keys and mouse; False if the person closed the window."""
        if stats is not None:
            self._stats = stats
        if time.monotonic() > self._said_until:
            self._said = None
        events = pygame.event.get()
        if self._stats is not None and self._stats.notice and (stats is not None or events):
            self._draw()  # no frame comes to draw it
        stay = [self._answer(event) for event in events]  # all of them, also after one that leaves
        return all(stay)

    def _answer(self, event: pygame.event.Event) -> bool:
        if event.type == pygame.QUIT:
            return False
        if event.type == pygame.KEYDOWN:
            return self._key(event.key)
        if event.type == pygame.MOUSEBUTTONDOWN and event.button == 1:
            self._held = self._overlay.slider_at(event.pos) or self._split_at(event.pos)
            self._drag(event.pos)
        elif event.type == pygame.MOUSEBUTTONUP:
            self._held = None
        elif event.type == pygame.MOUSEMOTION and self._held is not None:
            self._drag(event.pos)
        return True

    def _key(self, key: int) -> bool:
        controls = self._controls
        if key in (pygame.K_q, pygame.K_ESCAPE):
            return False
        if key == pygame.K_SPACE:
            controls.enabled = not controls.enabled
        elif key == pygame.K_s:
            controls.split = 0.5 if controls.split is None else None
        elif key == pygame.K_m:
            controls.mirror = not controls.mirror
        elif key == pygame.K_h:
            self._hidden = not self._hidden
        elif key == pygame.K_r:
            self._recordings.toggle()
        elif key == pygame.K_p and self._last is not None:
            try:
                self._said = f"saved {self._recordings.take_picture(self._last).name}"
            except StreamLLIEError as error:
                self._said = str(error)
            self._said_until = time.monotonic() + READ
            log.info("%s", self._said)
        return True

    def _split_at(self, place: tuple[int, int]) -> str | None:
        if self._controls.split is None or self._screen is None:
            return None
        near = abs(place[0] - self._controls.split * self._screen.get_width()) <= GRIP
        return "split" if near else None

    def _drag(self, place: tuple[int, int]) -> None:
        if isinstance(self._held, Slider):
            setattr(self._controls, self._held.name, round(self._held.value(place[0]), 2))
        elif self._held == "split" and self._screen is not None:
            self._controls.split = min(1.0, max(0.0, place[0] / self._screen.get_width()))

    def _draw(self) -> None:
        if self._screen is None:
            return
        screen = pygame.display.get_surface() or self._screen
        if self._last is not None:
            picture = composed(self._last.before, self._last.after, self._controls.split)
            self._blit(screen, picture, self._last)
        if not self._hidden:
            notice = self._stats.notice if self._stats is not None and self._stats.notice else self._said
            self._overlay.draw(screen, self._controls, self._stats, recording=self._recordings.on, notice=notice)
        pygame.display.flip()

    def _blit(self, screen: pygame.Surface, picture: Frame, last: Shown) -> None:
        rgb = self._preview.rgb(picture, last.format)
        surface = pygame.image.frombuffer(cast("memoryview", rgb), (rgb.shape[1], rgb.shape[0]), "RGB")
        if surface.get_size() != screen.get_size():
            pygame.transform.scale(surface, screen.get_size(), screen)
        else:
            screen.blit(surface, (0, 0))

    @staticmethod
    def _sized(height: int, width: int) -> pygame.Surface:
        try:
            return pygame.display.set_mode((width, height), pygame.RESIZABLE)
        except pygame.error as error:
            raise SinkError(f"no window can be opened here ({error}); use --view none or --view browser") from error
