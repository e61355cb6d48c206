"""Samples of several rounds, their medians, and the tables that show them beside each other."""
import statistics


class Samples:
    """What each peer measured in each round, by load: self.rounds[load][peer] is a list of reports."""

    def __init__(self):
        self.rounds = {}

    def add(self, load, peer, report):
        self.rounds.setdefault(load, {}).setdefault(peer, []).append(report)

    def median(self, load, peer, *path):
        """The median over the rounds of one figure of the report, e.g. 'cpu_us_per_call', 'server'."""
        values = []
        for report in self.rounds[load][peer]:
            for key in path:
                report = report[key]
            values.append(report)
        return statistics.median(values)

    def errors(self):
        """What ended with an error, as text: a benchmark with errors measured something else."""
        return [f'{peer} ({load}): {report["errors"]} {report["first_error"]}'
                for load, peers in self.rounds.items() for peer, reports in peers.items()
                for report in reports if report.get('errors')]


def interleaved(peers, rounds):
    """Yields (round, name, measure) so that the peers take turns, and no one is always first."""
    names = list(peers)
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            yield number, name, peers[name]


def verdict(value, target, at_least=False):
    met = value >= target if at_least else value <= target
    return 'met' if met else 'missed'


def table(title, head, rows):
    """Text columns, the first to the left and the others to the right."""
    cells = [head] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = [title]
    for row in cells:
        others = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append('  ' + '  '.join([row[0].ljust(widths[0]), *others]))
    return '\n'.join(lines)
