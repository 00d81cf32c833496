"""Tables as text: Markdown that is also aligned."""

from collections.abc import Sequence

Row = Sequence[str]


def table(header: Row, rows: Sequence[Row], left: int = 1) -> str:
    """Return the rows under their header; the first `left` columns are aligned to the left."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(cells: Row) -> str:
        padded = (
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join(padded)} |"

    rule = ["-" * width if i < left else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    return "\n".join([line(header), line(rule), *map(line, rows)])


def number(value: float) -> str:
    """Write a number with three significant digits, and none that says nothing."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value >= 0.001 else f"{value:.1e}"
