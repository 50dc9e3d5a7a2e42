"""What is drawn over the picture in the window: figures, sliders, keys and notices."""

from dataclasses import dataclass

import pygame

from streamllie.live.stage import Controls
from streamllie.live.stats import Stats

PAPER, INK, ACCENT, WARNING = (12, 12, 16, 170), (240, 240, 240), (255, 176, 32), (255, 96, 80)
MARGIN, TEXT, ROW, WORD, BAR = 12, 20, 26, 128, 140  # pixels: around, of letters, of a row, a word, a slider
SLIDERS = ("strength", "smoothing")  # as Controls calls them
KEYS = "space on/off   s split   m mirror   r record   p picture   h hide   q quit"


@dataclass(frozen=True, kw_only=True)
class Slider:
    """Where a slider is on the screen."""

    name: str
    track: pygame.Rect

    def value(self, x: int) -> float:
        """What a mouse at this column means, 0..1."""
        return min(1.0, max(0.0, (x - self.track.left) / self.track.width))


class Overlay:
    """Draws onto a surface. Remembers fonts, and where the sliders were drawn last."""

    def __init__(self) -> None:
        pygame.font.init()
        self._font = pygame.font.Font(None, TEXT + 2)
        self.sliders: list[Slider] = []

    def draw(
        self, screen: pygame.Surface, controls: Controls, stats: Stats | None, *, recording: bool, notice: str | None
    ) -> None:
        """Put everything onto the picture."""
        if controls.split is not None:
            x = round(controls.split * screen.get_width())
            pygame.draw.line(screen, ACCENT, (x, 0), (x, screen.get_height()), 2)
            self._text(screen, "before", (max(MARGIN, x - MARGIN - 50), MARGIN), INK)
            self._text(screen, "after", (x + MARGIN, MARGIN), INK)
        self._panel(screen, controls, stats)
        if recording:
            pygame.draw.circle(screen, WARNING, (screen.get_width() - 2 * MARGIN, 2 * MARGIN), 7)
        if notice:
            self._text(screen, notice, (MARGIN, 4 * MARGIN), WARNING)

    def slider_at(self, place: tuple[int, int]) -> Slider | None:
        """The slider under the mouse."""
        return next((s for s in self.sliders if s.track.inflate(16, 20).collidepoint(place)), None)

    def _panel(self, screen: pygame.Surface, controls: Controls, stats: Stats | None) -> None:
        height = 3 * ROW + MARGIN
        top = screen.get_height() - height
        panel = pygame.Surface((screen.get_width(), height), pygame.SRCALPHA)
        panel.fill(PAPER)
        screen.blit(panel, (0, top))
        figures = stats.line() if stats is not None else "waiting for the first picture"
        state = "" if controls.enabled else "  off"
        self._text(screen, figures + state, (MARGIN, top + 8), INK, bare=True)
        self._text(screen, KEYS, (MARGIN, top + 8 + 2 * ROW), (170, 170, 170), bare=True)
        self.sliders = []
        x, middle = MARGIN, top + 14 + ROW
        for name in SLIDERS:
            value = getattr(controls, name)
            self._text(screen, f"{name} {value:.2f}", (x, top + 8 + ROW), INK, bare=True)
            track = pygame.Rect(x + WORD, middle, BAR, 4)
            pygame.draw.rect(screen, (110, 110, 110), track, border_radius=2)
            filled = track.copy()
            filled.width = round(value * track.width)
            pygame.draw.rect(screen, ACCENT, filled, border_radius=2)
            pygame.draw.circle(screen, INK, (track.left + filled.width, track.centery), 7)
            self.sliders.append(Slider(name=name, track=track))
            x += WORD + BAR + 3 * MARGIN

    def _text(
        self,
        screen: pygame.Surface,
        text: str,
        at: tuple[int, int],
        colour: tuple[int, int, int],
        *,
        bare: bool = False,
    ) -> None:
        drawn = self._font.render(text, True, colour)
        if not bare:
            box = pygame.Surface((drawn.get_width() + 12, drawn.get_height() + 8), pygame.SRCALPHA)
            box.fill(PAPER)
            screen.blit(box, (at[0] - 6, at[1] - 4))
        screen.blit(drawn, at)
