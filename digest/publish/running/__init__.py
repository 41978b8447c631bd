"""All that is due now: safe to call every minute, twice at once, and after a crash.

ticking     one run: who may, what is remembered, every newsletter, then the sends
acting      an intent of the schedule -> what is done, and the row that says so
noticing    a notice -> mail to an editor
lettering   its text, and the page beside it
alarming    a flood of sign-ups -> a notice
foretelling the due times to come, and what stands before the next
promising   what the settings promise and cannot keep
timing      the systemd units or the cron line that call `digest run`
"""

from digest.publish.running.acting import Done
from digest.publish.running.foretelling import DueLine, due_lines
from digest.publish.running.promising import unkept
from digest.publish.running.ticking import keep_running, run
from digest.publish.running.timing import (
    TimerUnits,
    cron_line,
    timer_units,
    units_home,
    write_units,
    written_timer,
)

__all__ = [
    "Done",
    "DueLine",
    "TimerUnits",
    "cron_line",
    "due_lines",
    "keep_running",
    "run",
    "timer_units",
    "units_home",
    "unkept",
    "write_units",
    "written_timer",
]
