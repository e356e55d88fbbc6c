"""Say how wide the window is that an answer is shown in, whether it has colours, and page what is
longer than it.
"""

from __future__ import annotations

import enum
import os
import shutil
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from onnx_params.render.screen import Window

LEAST: Final = 40  # columns; what is narrower is not laid out for


class Colour(enum.StrEnum):
    """When answers have colours."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class _Settings:
    """What the options that stand before a command say."""

    colour = Colour.AUTO
    has_pager = True
    width: int | None = None  # None: the terminal's; 0: no limit


SETTINGS: Final = _Settings()


def window(output: str = "") -> Window:
    """The window of standard output; a file and a pipe have none, unless ``--width`` says one."""
    from onnx_params.render.screen import Window

    is_terminal = not output and sys.stdout.isatty()
    width = SETTINGS.width
    if width is None and is_terminal:
        width = shutil.get_terminal_size().columns
    has_colour = not output and _has_colour(is_terminal)
    return Window(max(LEAST, width) if width else None, has_colour)


def _has_colour(is_terminal: bool) -> bool:
    """By the option, then by the two variables that many programs agree on (no-color.org,
    force-color.org), then by what standard output is.
    """
    if SETTINGS.colour is not Colour.AUTO:
        return SETTINGS.colour is Colour.ALWAYS
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal and os.environ.get("TERM") != "dumb"


def show(text: str) -> None:
    """Write an answer to standard output, through a pager where it is a terminal that is too short
    for it.
    """
    is_long = text.count("\n") >= shutil.get_terminal_size().lines
    is_looked_at = sys.stdout.isatty() and sys.stdin.isatty()
    if not SETTINGS.has_pager or not is_looked_at or not is_long:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    import click

    os.environ.setdefault("LESS", "FRX")  # leave at once what fits, keep colours and the screen
    click.echo_via_pager(text, color="\x1b[" in text)
