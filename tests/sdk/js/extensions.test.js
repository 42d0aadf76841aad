"use strict";
// What guestd adds to the protocol does not reach the published package, also while another client uses all of it.

const assert = require("node:assert/strict");
const net = require("node:net");
const { suite, test } = require("node:test");
const { CommandExitError, Sandbox } = require("e2b");
const { SUITE_HANG_MS, sandboxOf } = require("./clients.js");

const PORT = 49983;
const SIGWINCH = 28; // which nobody heeds
const SCRIPT = "read x; echo out; echo err >&2; exit 3";
const everything = { offsets: true, exited: true, exitRecord: true };
const options = {
  noNewPrivs: true, umask: 0o77, nice: 5, limits: [{ name: "nofile", soft: 50, hard: 60 }], extraGroups: ["tty"],
  killTarget: "SIGNAL_TARGET_TREE", graceMs: 1000, killOnDisconnect: true, maxOutput: { bytes: 1000 },
};
// All that envd has in an event of a process.
const stock = {
  start: ["pid"], data: ["stdout", "stderr", "pty"], end: ["exitCode", "exited", "status", "error"], keepalive: [],
};

// A port that leads to the agent's; `answers` are what that says.
async function tap(t) {
  const answers = [];
  const sockets = [];
  const server = net.createServer((client) => {
    const agent = net.connect(PORT, "localhost");
    const answer = [];
    answers.push(answer);
    sockets.push(client, agent);
    for (const socket of [client, agent]) socket.on("error", () => {}); // one side has gone
    agent.on("data", (data) => answer.push(data));
    client.pipe(agent).pipe(client);
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, answers };
}

// The events in what the agent said. JSON is what the package speaks; before each stands its length.
function eventsIn(answers) {
  const mark = '{"event":';
  return answers.map((answer) => Buffer.concat(answer)).flatMap((bytes) => {
    const events = [];
    for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + 1))
      events.push(JSON.parse(bytes.subarray(at, at + bytes.readUInt32BE(at - 4))).event);
    return events;
  });
}

// --- the other client ------------------------------------------------------------------------------------------------

async function call(method, message) {
  const response = await fetch(`http://localhost:${PORT}/process.Process/${method}`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(message),
  });
  assert.equal(response.status, 200);
  return response.json();
}

// The events of a stream, as they come.
async function* stream(method, message) {
  const body = Buffer.from(`     ${JSON.stringify(message)}`);
  body.writeUInt8(0, 0);
  body.writeUInt32BE(body.length - 5, 1);
  const response = await fetch(`http://localhost:${PORT}/process.Process/${method}`, {
    method: "POST", headers: { "Content-Type": "application/connect+json" }, body,
  });
  let unread = Buffer.alloc(0);
  for await (const data of response.body) {
    unread = Buffer.concat([unread, data]);
    while (unread.length >= 5 && unread.length >= 5 + unread.readUInt32BE(1)) {
      const end = 5 + unread.readUInt32BE(1);
      const { event } = JSON.parse(unread.subarray(5, end));
      if (event) yield event;
      unread = unread.subarray(end);
    }
  }
}

// Asks for all that can be asked of a process that is there, and watches it while the promise is made and kept.
async function whileUsingEverything(pid, promise) {
  const { processes } = await call("List", { ids: true });
  await call("SendSignal", { process: { id: processes[0].id }, number: SIGWINCH, target: "SIGNAL_TARGET_TREE" });
  const watcher = stream("Connect", { process: { pid }, replay: { start: true }, events: everything });
  const events = [(await watcher.next()).value];
  await promise();
  for await (const event of watcher) events.push(event);
  assert.ok(events[0].start.id);
  assert.deepEqual(events.filter((e) => e.data).map((e) => e.data.offset), ["0", "4"]);
  assert.equal(events.filter((e) => e.exited).length, 1);
  assert.equal(events.at(-1).end.record.code, 3);
}

suite("extensions", { timeout: SUITE_HANG_MS }, () => {
  test("another client that uses everything disturbs nobody", async (t) => {
    const { url, answers } = await tap(t);
    await sandboxOf(t); // for what it tidies up
    const { commands } = await Sandbox.create({ debug: true, sandboxUrl: url });
    async function endsAsEver(handle) {
      await commands.sendStdin(handle.pid, "\n");
      await assert.rejects(handle.wait(), (e) => {
        assert.ok(e instanceof CommandExitError);
        assert.deepEqual([e.stdout, e.stderr, e.exitCode, e.error], ["out\n", "err\n", 3, "exit status 3"]);
        return true;
      });
    }

    const handle = await commands.run(SCRIPT, { background: true, stdin: true });
    await whileUsingEverything(handle.pid, () => endsAsEver(handle));

    const starter = stream("Start", {
      process: { cmd: "/bin/sh", args: ["-c", SCRIPT] }, events: everything,
      options: { ...options, idempotencyKey: `js-${handle.pid}` },
    });
    const { pid } = (await starter.next()).value.start;
    assert.deepEqual((await commands.list()).map((p) => p.pid), [pid]);
    await whileUsingEverything(pid, async () => endsAsEver(await commands.connect(pid)));
    await starter.return();

    const events = eventsIn(answers);
    const kinds = ["start", "data", "data", "end"];
    assert.deepEqual(events.map((e) => Object.keys(e)[0]), [...kinds, ...kinds]);
    for (const event of events) {
      const [[kind, fields]] = Object.entries(event);
      assert.deepEqual(Object.keys(fields).filter((name) => !stock[kind].includes(name)), []);
    }
  });
});
