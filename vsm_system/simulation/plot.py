"""A picture of a design question's answer: the median of each value, with its smallest and largest."""

from collections.abc import Sequence
from pathlib import Path

from vsm_system.errors import UserError
from vsm_system.simulation.sweep import Point, Question

WIDTH_INCHES, HEIGHT_INCHES = 7.0, 4.2
COLOUR = "#1f5f8b"


def draw(question: Question, points: Sequence[Point], target: Path) -> None:
    """Write the picture as SVG or PNG, by the file's ending; raise UserError where that can't be."""
    try:
        import matplotlib as mpl

        mpl.use("Agg")
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise UserError("a plot needs the extra `plots`: pip install 'vsm-kernel[plots]'") from error
    figure, axes = plt.subplots(figsize=(WIDTH_INCHES, HEIGHT_INCHES), layout="constrained")
    values = [point.value for point in points]
    medians = [point.median for point in points]
    spread = [
        [point.median - point.least for point in points],
        [point.most - point.median for point in points],
    ]
    axes.errorbar(values, medians, yerr=spread, marker="o", capsize=4, color=COLOUR)
    axes.set_xscale("log", base=2)
    axes.set_xticks(values, [str(value) for value in values])
    axes.minorticks_off()
    axes.set_xlabel(question.varied)
    axes.set_ylabel(question.measured)
    axes.set_ylim(bottom=0)
    axes.set_title(f"Median, least and most of {points[0].seeds} seeds", fontsize="medium")
    axes.grid(visible=True, alpha=0.3)
    try:
        figure.savefig(target)
    except (OSError, ValueError) as error:
        raise UserError(f"the plot can't be written to {target}: {error}") from error
    finally:
        plt.close(figure)
