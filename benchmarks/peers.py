"""The clients that ours is measured beside, each as fast as it goes. They keep nothing.

Imported by send.py; run by itself it does nothing.
"""

import asyncio
import subprocess

from sinks import HERE, LINE, Cost, Load, binary, stopwatch

from digest import delivery

PATIENCE = 300  # seconds for a row of a peer: one whose sink is gone would wait for ever


def smtp_source(load: Load, port: int) -> Cost:
    """Postfix's own generator, in C: one fixed message, no state. The limit."""
    words = [
        binary("smtp-source"), "-d", "-4", "-s", str(load.connections), "-l", str(load.size),
        "-m", str(load.messages), "-f", "b@example.org", "-t", "r@example.org",
        f"127.0.0.1:{port}",
    ]  # fmt: skip
    costs: list[Cost] = []
    with stopwatch(costs):
        subprocess.run(words, check=True, capture_output=True, timeout=PATIENCE)
    return costs[0]


def nodemailer(load: Load, port: int) -> Cost:
    """Pooled, raw; timed inside, without node's start."""
    words = ["node", "peer.mjs", *map(str, (port, load.messages, load.size, load.connections))]
    done = subprocess.run(
        words, check=True, capture_output=True, text=True, cwd=HERE, timeout=PATIENCE
    )
    return Cost(*map(float, done.stdout.split()))


def aiosmtplib_sendmail(load: Load, port: int) -> Cost:
    """The library's own way, over as many connections, on uvloop, no ledger."""
    import aiosmtplib

    data = b"Subject: The Week\r\n\r\n" + LINE * (load.size // len(LINE))
    left = iter(range(load.messages))

    async def worker() -> None:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, use_tls=False, start_tls=False)
        async with client:
            for n in left:
                await client.sendmail("b@example.org", [f"r{n}@example.org"], data)

    async def all_of_them() -> None:
        await asyncio.gather(*(worker() for _ in range(load.connections)))

    costs: list[Cost] = []
    with asyncio.Runner(loop_factory=delivery.event_loop()) as runner, stopwatch(costs):
        runner.run(all_of_them())
    return costs[0]
