"""Numbers for Prometheus, in its text format (version 0.0.4): what is being sent, and by how many.

Never here: an address, or anything else of a reader.
"""

from digest import archive, ledger
from digest.publish.opening import House

_SHOWN = ("sending", "sent", "cancelled")
LATEST = 5  # issues that are finished; those under way are always there
_HEADS = (
    ("digest_deliveries", "Deliveries of an issue by state; their sum is the list."),
    ("digest_recipients", "How many were frozen for an issue."),
    ("digest_paused", "1 where the operator has paused the sending of an issue."),
    ("digest_leavings", "Readers whom an issue made leave."),
)


def metrics(house: House) -> str:
    """The page that `digest serve` shows at /metrics."""
    samples: dict[str, list[str]] = {name: [] for name, _ in _HEADS}
    with house.database.reading() as session:
        records = [r for r in archive.issues(session) if r.state in _SHOWN]
        under_way = [r for r in records if r.state == "sending"]
        for record in under_way + [r for r in records if r.state != "sending"][:LATEST]:
            label = f'newsletter="{record.issue.newsletter}",issue="{record.issue.number}"'
            counts = ledger.counts(session, record.id)
            for state in (*ledger.OPEN, *ledger.FINAL):
                line = f'digest_deliveries{{{label},state="{state}"}} {counts.get(state, 0)}'
                samples["digest_deliveries"].append(line)
            sending = ledger.sending(session, record.id)
            paused = int(sending is not None and sending.control == "paused")
            recipients = ledger.recipients(session, record.id) or 0
            leavings = ledger.leavings(session, record.id)
            samples["digest_recipients"].append(f"digest_recipients{{{label}}} {recipients}")
            samples["digest_paused"].append(f"digest_paused{{{label}}} {paused}")
            samples["digest_leavings"].append(f"digest_leavings{{{label}}} {leavings}")
        at_work = len(ledger.senders(session))
    lines = ["# HELP digest_senders Senders at work.", "# TYPE digest_senders gauge"]
    lines.append(f"digest_senders {at_work}")
    for name, help_ in _HEADS:
        lines += [f"# HELP {name} {help_}", f"# TYPE {name} gauge", *samples[name]]
    return "\n".join(lines) + "\n"
