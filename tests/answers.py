# ruff: noqa: E501 - mails of others, line by line
"""Invented mail that is no bounce: answers, delays, forged reports."""

from tests.reports import DAEMON, Sample, complaint, dsn, plain

OTHERS = [
    dsn("delayed", "This is the mail system. Your message could not be delivered for 4 hours. It "
        "will be retried until it is 5 days old.", "4.4.1", "X-Postfix; Connection timed out", "soft",
        action="delayed", kind="delayed", subject="Delayed Mail (still being retried)"),
    dsn("gmail-delayed", "** Delivery incomplete **\n\nGmail will retry for 46 more hours.", "4.4.1",
        "dns; timeout", "soft", action="delayed", kind="delayed"),
    dsn("delivered", "Your message was successfully delivered to the destination(s) listed below.",
        "2.0.0", "smtp; 250 OK", "", action="delivered", kind="note",
        subject="Successful Mail Delivery Report"),
    dsn("relayed", "relayed to a system that sends no receipts", "2.6.0", "smtp; 250", "",
        action="relayed", kind="note", subject="Delivery Status Notification (Relay)"),
    complaint("not-spam", "not-spam", "Original-Rcpt-To: reader@reads.example\n", "note"),
    plain("exim-warning", "Warning: message 1abc-2d delayed 24 hours", DAEMON,
          "This message was created automatically by mail delivery software.\nA message that you sent "
          "has not yet been delivered to one or more of its\nrecipients after more than 24 hours.\n\n"
          "The address to which the message has not yet been delivered is:\n\n  reader@reads.example\n"
          "\nNo action is required on your part. Delivery attempts will continue for\nsome time.",
          "", kind="delayed", more="Auto-Submitted: auto-replied\n"),
    plain("opensmtpd-delay", "Delivery status notification: delay", "Mailer Daemon <MAILER-DAEMON@mx>",
          "    Hi!\n\n    A message is delayed for more than 4 hours for the following\n    list of "
          "recipients:\n\nreader@reads.example: 450 4.2.0 try later\n\n    Please note that this is "
          "only a temporary failure report. The message is kept in the queue\n    for up to 4 days. "
          "You DO NOT NEED to re-send the message.", "", kind="delayed"),
    plain("out-of-office", "Out of Office: The Week, issue 12", "Reader <reader@reads.example>",
          "I am away until 7 April. Mail to boss@reads.example could not wait? Call.", "", kind="reply",
          more="Auto-Submitted: auto-replied\n", returned=False, path="<reader@reads.example>"),
    plain("vacation-null-path", "away from my mail", "Reader <reader@reads.example>",
          "I will not be reading my mail for a while.", "", kind="reply",
          more="Precedence: bulk\nAuto-Submitted: auto-replied (vacation)\n", returned=False),
    plain("german-away", "Automatische Antwort: The Week", "Leser <reader@reads.example>",
          "Ich bin bis 7. April nicht im Büro. Ihre Nachricht wird nicht weitergeleitet.", "",
          kind="reply", returned=False, path="<reader@reads.example>"),
    plain("no-longer-here", "Automatic reply: The Week", "Reader <reader@reads.example>",
          "I no longer work here; this mailbox is unattended. Write to new@reads.example.", "",
          kind="reply", more="X-Auto-Response-Suppress: All\nAuto-Submitted: auto-generated\n",
          returned=False),
    plain("japanese-away", "自動返信: 不在のお知らせ", "reader@reads.example",
          "ただいま不在にしております。", "", kind="reply", returned=False, path="<reader@reads.example>"),
    plain("boxbe", "Re: The Week (Action Required)", "Boxbe Notifications <noreply@boxbe.example>",
          "Your message was not delivered to reader@reads.example's inbox. Please verify yourself.", "",
          kind="reply", more="X-Boxbe-Challenge: 1\nAuto-Submitted: auto-replied\n", returned=False),
    plain("tmda", "Please confirm your message", "reader@reads.example",
          "This message was created automatically. Please confirm that you are human to have your "
          "message delivered to reader@reads.example.", "", kind="reply", returned=False,
          more="X-TMDA-Fingerprint: abc\n", path="<reader@reads.example>"),
    plain("ticket", "[#1234] We have received your request", "Help <help@reads.example>",
          "Thank you for contacting us. Ticket 1234 was opened for reader@reads.example.", "",
          kind="reply", more="Auto-Submitted: auto-generated\n", returned=False,
          path="<help@reads.example>"),
    plain("human", "Re: The Week, issue 12", "Reader <reader@reads.example>",
          "I tried to write to letters@news.example.org but it could not be delivered: 550 5.1.1 "
          "unknown user. Please mend it.\n\n> Good morning.", "", kind="reply", returned=False,
          more="In-Reply-To: <x@news.example.org>\nUser-Agent: Mail/1\n", path="<reader@reads.example>"),
    plain("human-quoting", "Fwd: Undelivered Mail Returned to Sender", "Reader <reader@reads.example>",
          "What does this mean?\n\n> <colleague@reads.example>: 550 5.1.1 User unknown", "",
          kind="reply", returned=False, more="X-Mailer: Post 2\n", path="<reader@reads.example>"),
    plain("newsletter", "Failure is an option: this week's essays", "Essays <essays@other.example>",
          "Why delivery failed in the post office of 1840, and 550 letters that were returned.", "",
          kind="reply", returned=False, more="List-Unsubscribe: <https://other.example/u/1>\n",
          path="<bounce@other.example>"),
    plain("parcel", "Delivery failed: we could not deliver your parcel", "Parcels <no-reply@mail.parcels.example>",
          "Your parcel could not be delivered to reader@reads.example's door today. We will try again.", "",
          kind="reply", returned=False, path="<bounce@parcels.example>"),
    plain("shop", "Problem with your order: payment rejected", "Shop <orders@shop.example>",
          "Order 55012 of reader@reads.example was rejected by your bank. The message 554 of the bank "
          "was returned.", "", kind="reply", returned=False, path="<orders@shop.example>"),
    Sample("read-receipt", "note", "", """Return-Path: <>
From: Reader <reader@reads.example>
To: {back}
Subject: Read: The Week
Message-ID: <receipt@reads.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=disposition-notification; boundary="r"

--r
Content-Type: text/plain

Your message was read on Monday.
--r
Content-Type: message/disposition-notification

Final-Recipient: rfc822; reader@reads.example
Disposition: manual-action/MDN-sent-manually; displayed

--r--
"""),
]  # fmt: skip
