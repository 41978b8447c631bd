// nodemailer, pooled, one raw message of the given size sent `count` times: a peer of `digest send`.
import nodemailer from "nodemailer";

const [port, count, size, connections] = process.argv.slice(2).map(Number);
const line = "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz012345\r\n";
const body = line.repeat(Math.ceil(size / line.length)).slice(0, size);
const transport = nodemailer.createTransport({
  host: "127.0.0.1", port, pool: true, maxConnections: connections, maxMessages: Infinity,
  ignoreTLS: true,
});
const before = process.cpuUsage();
const begun = process.hrtime.bigint();
await Promise.all(Array.from({ length: count }, (_, n) => transport.sendMail({
  envelope: { from: "b@example.org", to: [`r${n}@example.org`] },
  raw: `Subject: The Week\r\nTo: r${n}@example.org\r\n\r\n${body}\r\n`,
})));
const used = process.cpuUsage(before);
console.log(Number(process.hrtime.bigint() - begun) / 1e9, (used.user + used.system) / 1e6);
transport.close();
