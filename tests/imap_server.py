"""A real IMAP server, Dovecot, on the loopback: started once for all tests that ask for it."""

import imaplib
import mailbox
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import held_port
from tests.waiting import PATIENCE, until

DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
ssl = no
disable_plaintext_auth = no
listen = 127.0.0.1
first_valid_uid = 8
mail_location = maildir:~/Maildir
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = passwd-file
  args = {folder}/users
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
}}
service anvil {{
  chroot =
}}
"""


@pytest.fixture(scope="session")
def dovecot() -> Iterator[tuple[int, Path]]:
    """A real IMAP server on the loopback; its port, and the Maildir of `bounces`."""
    binary = shutil.which("dovecot") or "/usr/sbin/dovecot"
    if not Path(binary).exists() or os.geteuid() != 0:
        pytest.skip("Install dovecot-imapd (apt install dovecot-imapd), and run as root.")
    # Not pytest's own folder: the server's users may not enter that.
    held = tempfile.TemporaryDirectory(prefix="digest-imap-")
    folder = Path(held.name)
    folder.chmod(0o755)
    home = str(folder / "home")
    (folder / "users").write_text(
        f"bounces:{{PLAIN}}secret:8:8::{home}\numlaut:{{PLAIN}}läufer:8:8::{home}\n", "utf-8"
    )
    box = folder / "home" / "Maildir"
    box.parent.mkdir()
    mailbox.Maildir(box)
    shutil.chown(folder / "home", 8, 8)
    for path in box.parent.rglob("*"):
        shutil.chown(path, 8, 8)
    with held_port() as port:
        (folder / "dovecot.conf").write_text(DOVECOT.format(folder=folder, port=port))
        server = subprocess.Popen([binary, "-F", "-c", str(folder / "dovecot.conf")])
        try:
            until(lambda: _greets(port) or server.poll() is not None)
            assert server.poll() is None, (folder / "log").read_text("utf-8")
            yield port, box
        finally:
            server.terminate()
            server.wait(PATIENCE)
            held.cleanup()


def _greets(port: int) -> bool:
    try:
        imaplib.IMAP4("127.0.0.1", port, timeout=PATIENCE).logout()
    except OSError:
        return False
    return True
