// Which features of a page some mail programs lack: node clients.mjs page.html client…
import { readFileSync } from "node:fs";
import { caniemail } from "caniemail";

const [page, ...clients] = process.argv.slice(2);
const { issues } = caniemail({ clients, html: readFileSync(page, "utf8") });
const told = [];
for (const [client, found] of issues.errors) told.push(...found.map((f) => ({ client, title: f.title })));
console.log(JSON.stringify(told));
