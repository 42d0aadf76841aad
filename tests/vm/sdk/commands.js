"use strict";
// What E2B's package of npm does with a sandbox that is a real guest: run by test_sdk.py, which bridges port 49983 to it.

const assert = require("node:assert/strict");
const { CommandExitError, Sandbox } = require("e2b");

const TEXT = "grüße\n";

const steps = {
  async commands(s) {
    const r = await s.commands.run("echo out; echo err >&2; echo $HOME; id -un");
    assert.deepEqual([r.stdout, r.stderr, r.exitCode], ["out\n/home/user\nuser\n", "err\n", 0]);
    await assert.rejects(s.commands.run("exit 7"), (e) => e instanceof CommandExitError && e.exitCode === 7);
    const big = await s.commands.run("seq 200000", { timeoutMs: 120000 });
    assert.equal(big.stdout, Array.from({ length: 200000 }, (_, i) => `${i + 1}\n`).join(""));
  },

  async background(s) {
    let seen = "";
    const h = await s.commands.run("cat", { background: true, stdin: true, onStdout: (data) => (seen += data) });
    assert((await s.commands.list()).some(({ pid }) => pid === h.pid));
    await s.commands.sendStdin(h.pid, "echo\n");
    while (seen !== "echo\n") await new Promise((done) => setTimeout(done, 10));
    assert.equal(await s.commands.kill(h.pid), true);
    while ((await s.commands.list()).some(({ pid }) => pid === h.pid));
    assert.equal(await s.commands.kill(h.pid), false);
    await assert.rejects(h.wait());
  },

  async terminal(s) {
    let seen = "";
    const h = await s.pty.create({ cols: 100, rows: 30, onData: (data) => (seen += Buffer.from(data).toString()) });
    await s.pty.sendInput(h.pid, Buffer.from("stty size; exit 3\n"));
    await assert.rejects(h.wait(), (e) => e.exitCode === 3);
    assert.match(seen, /30 100/);
  },

  async files(s) {
    await s.files.write("sdk/a.txt", TEXT);
    await s.files.write([{ path: "sdk/b", data: new Uint8Array([0, 1]).buffer }, { path: "sdk/c", data: "" }]);
    assert.equal(await s.files.read("sdk/a.txt"), TEXT);
    assert.deepEqual([...(await s.files.read("sdk/b", { format: "bytes" }))], [0, 1]);
    assert.deepEqual((await s.files.list("sdk")).map(({ name }) => name).sort(), ["a.txt", "b", "c"]);
    await s.files.rename("sdk/c", "sdk/d");
    assert(await s.files.exists("sdk/d"));
    const names = new Set();
    const watch = await s.files.watchDir("sdk", ({ name }) => names.add(name));
    await s.files.write("sdk/e", "x");
    while (!names.has("e")) await new Promise((done) => setTimeout(done, 10));
    await watch.stop();
    await s.files.remove("sdk");
    assert.equal(await s.files.exists("sdk"), false);
  },

  async many(s) {
    const runs = Array.from({ length: 10 }, (_, i) => s.commands.run(`echo ${i}; sleep 0.2; echo ${i}`));
    assert.deepEqual((await Promise.all(runs)).map((r) => r.stdout), runs.map((_, i) => `${i}\n${i}\n`));
  },
};

(async () => {
  const sandbox = await Sandbox.create();
  for (const [name, step] of Object.entries(steps)) {
    await step(sandbox);
    console.log(name);
  }
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
