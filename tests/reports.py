# ruff: noqa: E501 - mails of others, line by line
"""Invented reports in the manner of many mail systems.

`BOUNCES` has for each a name, its kind, whose fault, and the mail. Every one is about
reader@reads.example, and was returned to {back}, the return path of an issue.
"""

from typing import NamedTuple

READER = "reader@reads.example"
RETURNED = """Return-Path: <{back}>
Received: from news.example.org by mx.reads.example; Mon, 30 Mar 2026 07:01:02 +0000
From: The Week <weekly@news.example.org>
To: reader@reads.example
Subject: The Week, issue 12
Message-ID: {message_id}
Date: Mon, 30 Mar 2026 07:00:00 +0000
List-Id: <weekly.news.example.org>

Good morning.
"""


class Sample(NamedTuple):
    """One mail. `fault` is "" where it is no failure."""

    name: str
    kind: str
    fault: str
    text: str


def dsn(
    name: str, words: str, status: str, said: str, fault: str, *, action: str = "failed",
    subject: str = "Undelivered Mail Returned to Sender", sender: str = "MAILER-DAEMON@mx.reads.example",
    kind: str = "bounce", recipient: str = f"Final-Recipient: rfc822; {READER}", more: str = "",
) -> Sample:  # fmt: skip
    """A report by RFC 3464."""
    return Sample(name, kind, fault, f"""Return-Path: <>
From: {sender}
To: {{back}}
Subject: {subject}
Message-ID: <{name}@mx.reads.example>
Date: Mon, 30 Mar 2026 08:00:00 +0000
{more}MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_b"

--=_b
Content-Type: text/plain; charset=utf-8

{words}

--=_b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.reads.example
Arrival-Date: Mon, 30 Mar 2026 07:01:02 +0000

{recipient}
Action: {action}
Status: {status}
Diagnostic-Code: {said}

--=_b
Content-Type: message/rfc822

{RETURNED}
--=_b--
""")  # fmt: skip


def plain(
    name: str, subject: str, sender: str, words: str, fault: str = "address", *,
    kind: str = "bounce", more: str = "", returned: bool = True, path: str = "<>",
) -> Sample:  # fmt: skip
    """A report in words alone."""
    body = words + ("\n\n" + RETURNED if returned else "")
    return Sample(name, kind, fault, f"""Return-Path: {path}
From: {sender}
To: {{back}}
Subject: {subject}
Message-ID: <{name}@mx.reads.example>
Date: Mon, 30 Mar 2026 08:00:00 +0000
{more}MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

{body}
""")  # fmt: skip


def complaint(name: str, kind: str, to: str, expected: str = "complaint") -> Sample:
    """A report by RFC 5965."""
    fault = "policy" if expected == "complaint" else ""
    return Sample(name, expected, fault, f"""Return-Path: <>
From: feedback loop <fbl@{name}.example>
To: fbl@news.example.org
Subject: Email Feedback Report for IP 192.0.2.1
Message-ID: <{name}@fbl.example>
Date: Mon, 30 Mar 2026 09:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="=_f"

--=_f
Content-Type: text/plain

This is an email abuse report for an email message received from IP 192.0.2.1.

--=_f
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: Loop/1.0
Version: 1
{to}
--=_f
Content-Type: message/rfc822

{RETURNED}
--=_f--
""")  # fmt: skip


GONE = "smtp; 550 5.1.1 <reader@reads.example>: Recipient address rejected: User unknown"
DAEMON = "Mail Delivery System <MAILER-DAEMON@mx.reads.example>"

BOUNCES = [
    dsn("postfix", "This is the mail system at host mx.\n\n<reader@reads.example>: host mx said: "
        "550 5.1.1 User unknown (in reply to RCPT TO command)", "5.1.1", GONE, "address",
        more="Auto-Submitted: auto-replied\n"),
    dsn("postfix-full", "<reader@reads.example>: mailbox full", "5.2.2",
        "smtp; 552 5.2.2 Over quota", "full"),
    dsn("postfix-expired", "<reader@reads.example>: connect to mx: Connection timed out", "4.4.1",
        "X-Postfix; connect to mx.reads.example[192.0.2.9]:25: Connection timed out", "soft"),
    dsn("sendmail", "   ----- The following addresses had permanent fatal errors -----\n"
        "<reader@reads.example>\n    (reason: 550 5.1.1 <reader@reads.example>... User unknown)\n\n"
        "   ----- Transcript of session follows -----\n... while talking to mx:\n>>> DATA\n",
        "5.1.1", "SMTP; 550 5.1.1 User unknown", "address", subject="Returned mail: see transcript"),
    dsn("exchange-2016", "Delivery has failed to these recipients or groups:\n\nreader@reads.example"
        "\nThe email address you entered couldn't be found.", "5.1.10",
        "smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        "address", subject="Undeliverable: The Week", sender="postmaster@reads.example"),
    dsn("exchange-online-sender", "Your message to reader@reads.example couldn't be delivered.",
        "5.7.515", "smtp;550 5.7.515 Access denied, sending domain does not meet the required "
        "authentication level", "policy", subject="Undeliverable: The Week"),
    dsn("gmail", "** Address not found **\n\nYour message wasn't delivered to reader@reads.example "
        "because the address couldn't be found.", "5.1.1", "smtp; 550-5.1.1 The email account that "
        "you tried to reach does not exist.", "address",
        sender="Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
        subject="Delivery Status Notification (Failure)"),
    dsn("gmail-unauthenticated", "** Message blocked **", "5.7.26", "smtp; 550-5.7.26 This mail has "
        "been blocked because the sender is unauthenticated.", "policy"),
    dsn("gmail-full", "The recipient's inbox is full", "4.2.2", "smtp; 452-4.2.2 The email account "
        "that you tried to reach is over quota.", "full"),
    dsn("ses", "An error occurred while trying to deliver the mail to the following recipients:\n"
        "reader@reads.example", "5.4.4", "smtp; 550 5.4.4 Invalid domain", "address"),
    dsn("workmail", "Your message could not be delivered.", "5.1.1", "smtp; 550 5.1.1 user does not "
        "exist", "address", recipient=f"Final-Recipient: rfc822;{READER}\nX-Actual: 1"),
    dsn("zimbra", "This is the mail system at host zimbra.\n\n<reader@reads.example>: account is "
        "locked", "5.2.1", "smtp; 550 5.2.1 account inactive", "address"),
    dsn("proofpoint", "<reader@reads.example>: 554 blocked", "5.7.1", "smtp; 554 5.7.1 - ip blocked "
        "see https://ipcheck.proofpoint.com", "policy"),
    dsn("mimecast", "The message was rejected", "5.0.0", "smtp; 550 Rejected by header based Anti-"
        "Spoofing policy: weekly@news.example.org", "policy"),
    dsn("barracuda", "Undeliverable", "5.0.0", "smtp; 554 Service unavailable; blocked using "
        "Barracuda Reputation", "policy"),
    dsn("too-large", "Message size exceeds limit", "5.3.4", "smtp; 552 5.3.4 Message size exceeds "
        "fixed limit", "size"),
    dsn("content", "not accepted", "5.6.0", "smtp; 554 5.6.0 Lone CR or LF in body", "size"),
    dsn("courier", "This is a delivery status notification from mx.\n\n UNDELIVERABLE MAIL\n\nYour "
        "message to the following recipients cannot be delivered:\n\n<reader@reads.example>:\n "
        ">>> RCPT TO:<reader@reads.example>\n <<< 550 User unknown.", "5.0.0",
        "smtp; 550 User unknown.", "address", subject="NOTICE: mail delivery status."),
    dsn("opensmtpd", "    Hi!\n\n    This is the MAILER-DAEMON, please DO NOT REPLY to this email.\n"
        "\n    An error has occurred while attempting to deliver a message for\n    the following "
        "list of recipients:\n\nreader@reads.example: 550 5.1.1 Invalid recipient", "5.0.0",
        "smtp; 550 5.1.1 Invalid recipient", "address", action="error",
        subject="Delivery status notification: error"),
    dsn("powermta", "Hello, this is the mail server on mx.\n\n  <reader@reads.example>\n      "
        "delivery failed; will not continue trying", "5.1.2", "smtp;550 5.1.2 bad destination "
        "system", "address", subject="Delivery report"),
    dsn("messaging-server", "This report relates to a message you sent.\n\nYour message cannot be "
        "delivered to the following recipients:\n\n  Recipient address: reader@reads.example\n  "
        "Reason: Remote SMTP server has rejected address", "5.0.0", "smtp; 550 unknown user",
        "address", recipient=f"Original-Recipient: rfc822;{READER}\nFinal-Recipient: rfc822;{READER}"),
    dsn("greylisted-too-long", "<reader@reads.example>: deferred for 5 days", "4.7.28", "smtp; 421 "
        "4.7.28 Our system has detected an unusual rate of mail", "policy"),
    dsn("german", "Ihre Nachricht konnte nicht zugestellt werden.", "5.1.1", "smtp; 550 5.1.1 "
        "Benutzer unbekannt", "address", subject="Unzustellbar: The Week"),
    plain("exim", "Mail delivery failed: returning message to sender",
          "Mail Delivery System <Mailer-Daemon@mx.reads.example>",
          "This message was created automatically by mail delivery software.\n\nA message that you "
          "sent could not be delivered to one or more of its\nrecipients. This is a permanent error."
          " The following address(es) failed:\n\n  reader@reads.example\n    host mx [192.0.2.9]\n"
          "    SMTP error from remote mail server after RCPT TO:<reader@reads.example>:\n    550 No "
          "such user here\n\n------ This is a copy of the message, including all the headers. ------",
          more="X-Failed-Recipients: reader@reads.example\nAuto-Submitted: auto-replied\n"),
    plain("cpanel", "Mail delivery failed: returning message to sender", DAEMON,
          "This message was created automatically by mail delivery software.\n\nA message sent by\n\n"
          "  <{back}>\n\ncould not be delivered to one or more of its recipients. The following\n"
          "address(es) failed:\n\n  reader@reads.example\n    Domain reads.example has exceeded the "
          "max defers and failures per hour (5/5 (100%)) allowed. Message discarded.", "soft",
          more="X-Failed-Recipients: reader@reads.example\n"),
    plain("exim-quota", "Mail delivery failed", DAEMON,
          "The following address(es) failed:\n\n  reader@reads.example\n    mailbox is full: retry "
          "timeout exceeded", "full", more="X-Failed-Recipients: reader@reads.example\n"),
    plain("qmail", "failure notice", "MAILER-DAEMON@mx.reads.example",
          "Hi. This is the qmail-send program at mx.reads.example.\nI'm afraid I wasn't able to "
          "deliver your message to the following addresses.\nThis is a permanent error; I've given "
          "up. Sorry it didn't work out.\n\n<reader@reads.example>:\nSorry, no mailbox here by that "
          "name. (#5.1.1)\n\n--- Below this line is a copy of the message."),
    plain("qmail-remote", "failure notice", "MAILER-DAEMON@mx.reads.example",
          "Hi. This is the qmail-send program at mx.\n\n<reader@reads.example>:\n192.0.2.9 does not "
          "like recipient.\nRemote host said: 550 5.7.1 Message rejected as spam\nGiving up on "
          "192.0.2.9.\n\n--- Below this line is a copy of the message.", "policy"),
    plain("yahoo", "Failure Notice", "MAILER-DAEMON@yahoo.com",
          "Sorry, we were unable to deliver your message to the following address.\n\n"
          "<reader@reads.example>:\n550: 5.1.1 <reader@reads.example>: Recipient address rejected\n"
          "\n--- Below this line is a copy of the message."),
    plain("sendmail-v5", "Returned mail: User unknown", "MAILER-DAEMON (Mail Delivery Subsystem)",
          "   ----- Transcript of session follows -----\n>>> RCPT To:<reader@reads.example>\n<<< 550 "
          "<reader@reads.example>... User unknown\n550 <reader@reads.example>... User unknown\n\n"
          "   ----- Unsent message follows -----"),
    plain("exchange-5", "Undeliverable: The Week, issue 12", "System Administrator <postmaster@reads."
          "example>", "Your message\n\n  To:      reader@reads.example\n  Subject: The Week\n  Sent:  "
          "  Mon, 30 Mar 2026\n\ndid not reach the following recipient(s):\n\nreader@reads.example on "
          "Mon, 30 Mar 2026 07:01:02 +0000\n    The recipient name is not recognized", returned=False),
    plain("domino", "DELIVERY FAILURE: User reader not listed in Domino Directory", "postmaster@reads."
          "example", "Your message\n\n  Subject: The Week\n\nwas not delivered to:\n\n  reader@reads."
          "example\n\nbecause:\n\n  User reader (reader@reads.example) not listed in Domino Directory",
          returned=False),
    plain("iis", "Delivery Status Notification (Failure)", "postmaster@reads.example",
          "This is an automatically generated Delivery Status Notification.\n\nDelivery to the "
          "following recipients failed.\n\n       reader@reads.example\n", "soft"),
    plain("dragonfly", "Mail delivery failed", "MAILER-DAEMON <>",
          "This is the DragonFly Mail Agent v0.13 at mx.\n\nThere was an error delivering your mail "
          "to <reader@reads.example>.\n\nmx [192.0.2.9] did not like our RCPT TO:\n550 5.1.1 User "
          "unknown\n\nMessage headers follow."),
    plain("dragonfly-host", "Mail delivery failed", "MAILER-DAEMON <>",
          "This is the DragonFly Mail Agent v0.13 at mx.\n\nThere was an error delivering your mail "
          "to <reader@reads.example>.\n\nDomain not found: reads.example\n\nOriginal message follows."),
    plain("gmail-old", "Delivery Status Notification (Failure)",
          "Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
          "Delivery to the following recipient failed permanently:\n\n     reader@reads.example\n\n"
          "Technical details of permanent failure: \nThe error that the other server returned was: "
          "550 550 5.1.1 User unknown (state 13).\n\n----- Original message -----"),
    plain("mailmarshal", "Undeliverable message", "postmaster@gateway.example",
          "Your message:\n   From:    weekly@news.example.org\n   Subject: The Week\n\nCould not be "
          "delivered because of\n\n550 5.1.1 User unknown\n\nThe following recipients were affected:\n"
          "   reader@reads.example", returned=False),
    plain("groupwise", "Message status - undeliverable", "postmaster@reads.example",
          "The message that you sent was undeliverable to the following:\n\treader@reads.example "
          "(user not found)\n", returned=False),
    plain("james", "Undeliverable mail", "postmaster@reads.example",
          "Hi. This is the James mail server at mx.\nI'm afraid I wasn't able to deliver your message "
          "to the following addresses.\nThis is a permanent error; I've given up.\n\nThe following "
          "recipient(s) were not valid:\nreader@reads.example\n\nError message: 550 Unknown user"),
    plain("mdaemon", "Warning: reader@reads.example - User unknown!", "MDaemon@reads.example",
          "reader@reads.example - no such user here.\n\nThere is no user by that name at this server."),
    plain("imail", "Undeliverable Mail", "Postmaster <postmaster@reads.example>",
          "Unknown user: reader@reads.example\n\nRCPT TO generated following response:\n550 Unknown "
          "user\n\nOriginal message follows."),
    plain("surfcontrol", "Message delivery problem", "postmaster@gateway.example",
          "Your message could not be sent.\nA transcript of the attempts to send the message follows."
          "\nThe number of attempts made: 4\nAddressed To: reader@reads.example\n\nFailed to send to "
          "identified host,\nreads.example: [192.0.2.9], 550 No such user", returned=False),
    plain("interscan", "Mail could not be delivered", "postmaster@gateway.example",
          "Sent <<< RCPT TO:<reader@reads.example>\nReceived >>> 550 5.1.1 unknown user\n\nUnable to "
          "deliver message to <reader@reads.example>.", returned=False),
    plain("1und1", "Mail delivery failed: returning message to sender", "mailer-daemon@kundenserver."
          "example", "This message was created automatically by mail delivery software.\n\nThe "
          "following address failed:\n\n    reader@reads.example:\n        SMTP error from remote "
          "server for RCPT TO command, host: mx (192.0.2.9) reason: 550 Unrouteable address"),
    plain("verizon", "Undeliverable Message", "post_master@vtext.example",
          "Message to reader@reads.example could not be delivered to mobile.\nError: No valid "
          "recipients for this MM", returned=False),
    plain("mailfoundry", "Delivery failure", "MAILER-DAEMON@mailfoundry.example",
          "Unable to deliver message to: <reader@reads.example>\nDelivery failed for the following "
          "reason:\nServer mx.reads.example[192.0.2.9] failed with: 550 <reader@reads.example> No "
          "such user here", returned=False),
    plain("sendgrid", "Delivery Status Notification (Failure)", "MAILER-DAEMON <bounces@sendgrid."
          "example>", "This is an automatically generated message from SendGrid.\n\nI'm sorry to have "
          "to tell you that your message was not able to be delivered to one of its intended "
          "recipients.\n\nreader@reads.example\n550 5.1.1 unknown or illegal user", returned=False),
    plain("french", "Échec de la remise du message", "postmaster@lit.example",
          "Votre message n'a pas pu être remis aux destinataires suivants :\n\n"
          "reader@reads.example : utilisateur inconnu", returned=False),
    plain("spanish", "No se ha podido entregar el mensaje", "postmaster@lee.example",
          "Su mensaje no se ha podido entregar al siguiente destinatario:\n\n"
          "<reader@reads.example>: el buzón no existe", returned=False),
    plain("italian", "Mancata consegna", "postmaster@legge.example",
          "Impossibile consegnare il messaggio al destinatario:\n\nreader@reads.example\nCasella di "
          "posta piena", "full", returned=False),
    plain("portuguese", "Falha na entrega", "mailer-daemon@le.example",
          "Sua mensagem não pôde ser entregue para:\n\nreader@reads.example\nUsuário desconhecido",
          returned=False),
    plain("dutch", "Niet bezorgd", "postmaster@leest.example",
          "Uw bericht kon niet worden bezorgd bij:\n\nreader@reads.example: gebruiker onbekend",
          returned=False),
    plain("russian", "Недоставленное сообщение", "mailer-daemon@chitaet.example",
          "Ваше письмо не было доставлено следующим получателям:\n\nreader@reads.example\n550 "
          "Пользователь не найден", returned=False),
    plain("japanese", "配信エラーのお知らせ", "MAILER-DAEMON@yomu.example",
          "以下の宛先に配信できませんでした。\n\n<reader@reads.example>:\n550 宛先が存在しません",
          returned=False),
    plain("chinese", "系统退信", "PostMaster@du.example",
          "很抱歉，您的邮件被退回，未能发送到以下地址：\n\nreader@reads.example\n\n"
          "550 用户不存在", returned=False),
    plain("hindi", "संदेश वितरण विफल", "mailer-daemon@padho.example",
          "आपका संदेश नहीं पहुँच सका:\n\nreader@reads.example\n550 5.1.1 अज्ञात उपयोगकर्ता",
          returned=False),
    plain("arabic", "تعذر تسليم الرسالة", "postmaster@yaqra.example",
          "تعذر تسليم رسالتك إلى:\n\nreader@reads.example\n550 المستخدم غير موجود", returned=False),
    Sample("html-only", "bounce", "address", """Return-Path: <>
From: postmaster@reads.example
To: {back}
Subject: Undeliverable: The Week
Message-ID: <html@reads.example>
MIME-Version: 1.0
Content-Type: text/html; charset=us-ascii

<html><body><p>Your message to <b>&lt;reader@reads.example&gt;</b> couldn't be delivered.</p>
<p>The remote server said:<br>550 5.1.1 Recipient not found</p></body></html>
"""),
    Sample("dovecot-rejected", "bounce", "full", """Return-Path: <MAILER-DAEMON>
From: Mail Delivery Subsystem <postmaster@reads.example>
To: {back}
Subject: Rejected: The Week
Auto-Submitted: auto-replied (rejected)
Message-ID: <dovecot@reads.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=disposition-notification; boundary="d"

--d
Content-Type: text/plain; charset=utf-8

Your message to <reader@reads.example> was automatically rejected:
Quota exceeded (mailbox for user is full)
--d
Content-Type: message/disposition-notification

Reporting-UA: reads.example; Dovecot Mail Delivery Agent
Final-Recipient: rfc822; reader@reads.example
Original-Message-ID: {message_id}
Disposition: automatic-action/MDN-sent-automatically; deleted

--d
Content-Type: message/rfc822

""" + RETURNED + "\n--d--\n"),
    Sample("flattened", "bounce", "address", """Return-Path: <>
From: MAILER-DAEMON@mx.reads.example
To: {back}
Subject: Undeliverable
Message-ID: <flattened@reads.example>
Content-Type: text/plain

Reporting-MTA: dns; mx.reads.example

Final-Recipient: rfc822; reader@reads.example
Action: failed
Status: 5.1.1

""" + RETURNED),
    complaint("yahoo-fbl", "abuse", "Original-Rcpt-To: reader@reads.example\n"),
    complaint("redacted-fbl", "abuse", "Original-Rcpt-To: redacted@reads.example\n"),
    complaint("hidden-fbl", "fraud", ""),
    complaint("opt-out-fbl", "opt-out", "Removal-Recipient: reader@reads.example\n"),
    Sample("hotmail-jmrp", "complaint", "policy", """Return-Path: <>
From: staff@hotmail.example
To: fbl@news.example.org
Subject: complaint about message from 192.0.2.1
Message-ID: <jmrp@hotmail.example>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="j"

--j
Content-Type: message/rfc822

X-HmXmrOriginalRecipient: reader@reads.example
""" + RETURNED + "\n--j--\n"),
]  # fmt: skip
