"""Draw the pie of parameters by form."""

from __future__ import annotations

import os
import tempfile

from onnx_params.errors import DependencyError, UsageError
from onnx_params.report import Report

# Okabe and Ito's palette, which people who do not see all colours can tell apart
_COLOURS = ("#E69F00", "#0072B2", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")
_DARK = frozenset({"#0072B2", "#009E73", "#D55E00"})  # white text is legible on these, black on the others
_FORMATS = (".png", ".svg", ".pdf")
_TINY = 0.04  # share below which a slice has no room for its own label


def draw(report: Report, path: str) -> None:
    """Write the pie to ``path`` (.png, .svg or .pdf), whole or not at all.

    Raises :class:`UsageError` for another ending, :class:`DependencyError` where matplotlib is not installed.
    """
    ending = os.path.splitext(path)[1].lower()
    if ending not in _FORMATS:
        raise UsageError(f"{path}: a chart is one of {', '.join(_FORMATS)}")
    try:
        from matplotlib.figure import Figure  # 0.5 s that nobody else should pay
    except ImportError as error:
        raise DependencyError("charts need matplotlib: pip install 'onnx-params[chart]'") from error
    forms = [form for form in report.forms if form.parameters]
    whole = sum(form.parameters for form in forms)
    if not whole:
        raise UsageError(f"{report.name}: has no parameters, so there is no chart to draw")
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axes = figure.add_subplot()
    shares = [form.parameters / whole for form in forms]
    wedges, _, inside = axes.pie(
        [form.parameters for form in forms],
        colors=[_COLOURS[at % len(_COLOURS)] for at in range(len(forms))],
        startangle=90,
        counterclock=False,
        wedgeprops={"edgecolor": "white", "linewidth": 1.5 if min(shares) >= _TINY else 0},  # an edge would paint over a tiny slice
        autopct=lambda share: f"{share:.1f}%" if share >= 100 * _TINY else "",
        textprops={"fontsize": 16, "fontweight": "bold"},
    )
    for label, colour in zip(inside, _COLOURS * len(forms), strict=False):
        label.set_color("white" if colour in _DARK else "black")
    labels = [f"{form.form}  {100 * share:.1f}%" for form, share in zip(forms, shares, strict=True)]
    axes.legend(wedges, labels, loc="lower center", bbox_to_anchor=(0.5, -0.14), ncols=min(3, len(forms)), frameon=False, fontsize=12)
    axes.set_title(f"{report.name}: parameters by form", fontsize=15)
    folder = os.path.dirname(path) or "."
    handle, temporary = tempfile.mkstemp(dir=folder, suffix=ending)
    try:
        os.close(handle)
        figure.savefig(temporary, dpi=150)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
