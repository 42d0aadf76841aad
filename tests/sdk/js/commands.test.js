"use strict";
// sandbox.commands of the published package.

const assert = require("node:assert/strict");
const { createHash, randomBytes } = require("node:crypto");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { suite, test } = require("node:test");
const {
  AuthenticationError,
  CommandExitError,
  InvalidArgumentError,
  NotFoundError,
  SandboxError,
  TimeoutError,
} = require("e2b");
const { NO_PID, SUITE_HANG_MS, alive, failsWith, pidsOf, sandboxOf, waitFor } = require("./clients.js");

const UNICODE = "grüße, 世界 🌍";

function lines(from, to) {
  return Array.from({ length: to - from + 1 }, (_, i) => `${from + i}\n`).join("");
}

const killed = { exitCode: -1, error: "signal: killed" };

suite("run", { timeout: SUITE_HANG_MS }, () => {
  test("the sandbox is running", async (t) => {
    const sandbox = await sandboxOf(t);
    assert.equal(await sandbox.isRunning(), true);
  });

  test("a result has both streams", async (t) => {
    const { commands } = await sandboxOf(t);
    const r = await commands.run("echo out; echo err >&2");
    assert.deepEqual({ ...r }, { exitCode: 0, error: undefined, stdout: "out\n", stderr: "err\n" });
  });

  test("a failure is an error with everything in it", async (t) => {
    const { commands } = await sandboxOf(t);
    await failsWith(commands.run("echo out; echo err >&2; exit 7"), CommandExitError,
      { exitCode: 7, error: "exit status 7", stdout: "out\n", stderr: "err\n" });
    await failsWith(commands.run("no-such-program"), CommandExitError, { exitCode: 127, stderr: /no-such-program/ });
  });

  test("output arrives as it is written", async (t) => {
    const { commands } = await sandboxOf(t);
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), "sdk"));
    t.after(() => fs.rmSync(dir, { recursive: true }));
    const seen = [];
    // Each line is written only when the one before has arrived.
    await commands.run(`for i in 1 2 3; do echo line $i; while [ ! -e ${dir}/$i ]; do sleep 0.01; done; done`, {
      user: "root",
      onStdout: (text) => fs.writeFileSync(path.join(dir, String(seen.push(text))), ""),
    });
    assert.deepEqual(seen, ["line 1\n", "line 2\n", "line 3\n"]);
  });

  test("stdout and stderr have their own callbacks", async (t) => {
    const { commands } = await sandboxOf(t);
    let out = "";
    let err = "";
    const r = await commands.run("seq 1000; seq 2000 3000 >&2",
      { onStdout: (text) => (out += text), onStderr: (text) => (err += text) });
    assert.equal(out, lines(1, 1000));
    assert.equal(err, lines(2000, 3000));
    assert.deepEqual([r.stdout, r.stderr], [out, err]);
  });

  test("cwd", async (t) => {
    const { commands } = await sandboxOf(t);
    assert.equal((await commands.run("pwd")).stdout, "/home/user\n");
    assert.equal((await commands.run("pwd", { cwd: "/tmp" })).stdout, "/tmp\n");
    await commands.run("mkdir -p sub/dir");
    assert.equal((await commands.run("pwd", { cwd: "sub/dir" })).stdout, "/home/user/sub/dir\n");
    await failsWith(commands.run("pwd", { cwd: "/no/such" }), InvalidArgumentError,
      { message: /cwd '\/no\/such' does not exist/ });
  });

  test("envs", async (t) => {
    const { commands } = await sandboxOf(t);
    const r = await commands.run('echo "$A|$B|$HOME|$USER|$E2B_SANDBOX"', { envs: { A: UNICODE, B: "x=y z" } });
    assert.equal(r.stdout, `${UNICODE}|x=y z|/home/user|user|true\n`);
    assert.equal((await commands.run("echo $HOME", { envs: { HOME: "/elsewhere" } })).stdout, "/elsewhere\n");
  });

  test("users", async (t) => {
    const { commands } = await sandboxOf(t);
    assert.equal((await commands.run("whoami")).stdout, "user\n");
    assert.equal((await commands.run("whoami; pwd", { user: "root" })).stdout, "root\n/root\n");
    assert.equal((await commands.run("sudo whoami", { user: "user" })).stdout, "root\n");
    await failsWith(commands.run("true", { user: "nobody-here" }), AuthenticationError,
      { message: /invalid username: 'nobody-here'/ });
  });

  test("a timeout is the command's end", async (t) => {
    const { commands } = await sandboxOf(t);
    await failsWith(commands.run("sleep 200001", { timeoutMs: 500 }), TimeoutError);
    await waitFor(() => pidsOf("sleep", "200001").length === 0, "the sleep is killed");
  });

  test("timeouts too short are timeouts", async (t) => {
    const { commands } = await sandboxOf(t);
    for (const timeoutMs of [1, 5, 10, 20, 50]) {
      await failsWith(commands.run("sleep 1000", { timeoutMs }), TimeoutError);
    }
  });

  test("no timeout", async (t) => {
    const { commands } = await sandboxOf(t);
    assert.equal((await commands.run("sleep 0.3; echo done", { timeoutMs: 0 })).stdout, "done\n");
  });

  test("a background child does not hold the command", async (t) => {
    const { commands } = await sandboxOf(t);
    assert.equal((await commands.run("sleep 200002 & echo done")).stdout, "done\n");
    await waitFor(() => pidsOf("sleep", "200002").length === 1, "the child runs");
    process.kill(Number(pidsOf("sleep", "200002")[0]), "SIGKILL");
  });

  test("16 MiB are intact", async (t) => {
    const { commands } = await sandboxOf(t);
    const r = await commands.run("seq 2300000 | head -c 16777216");
    // Compared as a boolean: the difference of such strings would be printed in full.
    assert.ok(r.stdout === lines(1, 2300000).slice(0, 16 << 20));
  });

  test("16 MiB on both streams are intact", async (t) => {
    const { commands } = await sandboxOf(t);
    const r = await commands.run("seq 1100000 & seq 2000000 3100000 >&2; wait");
    assert.ok(r.stdout === lines(1, 1100000));
    assert.ok(r.stderr === lines(2000000, 3100000));
  });

  test("characters in pieces", async (t) => {
    const { commands } = await sandboxOf(t);
    const pieces = [String.raw`a\xe2`, String.raw`\x82\xac`, String.raw`\xf0\x9f\x8c`, String.raw`\x8d`];
    const r = await commands.run(pieces.map((piece) => `printf '${piece}'`).join("; sleep 0.1; "));
    assert.equal(r.stdout, "a€🌍");
  });

  test("bytes that are no characters", async (t) => {
    const { commands } = await sandboxOf(t);
    assert.equal((await commands.run(String.raw`printf 'a\xffb\xe2\x82'`)).stdout, "a\ufffdb\ufffd");
  });

  test("50 at once", async (t) => {
    const { commands } = await sandboxOf(t);
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, i) => commands.run(`sleep 0.2; echo ${i}; echo e${i} >&2`)));
    results.forEach((r, i) => assert.deepEqual([r.stdout, r.stderr], [`${i}\n`, `e${i}\n`]));
  });

  test("long commands", async (t) => {
    const { commands } = await sandboxOf(t);
    const word = "ä".repeat(50000);
    assert.ok((await commands.run(`echo ${word}`)).stdout === `${word}\n`);
    await failsWith(commands.run("true " + "x".repeat(200000)), InvalidArgumentError,
      { message: /argument list too long/ });
  });
});

suite("in the background", { timeout: SUITE_HANG_MS }, () => {
  test("wait", async (t) => {
    const { commands } = await sandboxOf(t);
    const c = await commands.run("echo out; sleep 0.2; echo err >&2", { background: true });
    assert.ok(alive(c.pid));
    assert.equal(c.exitCode, undefined);
    const r = await c.wait();
    assert.deepEqual([r.stdout, r.stderr, r.exitCode], ["out\n", "err\n", 0]);
    assert.deepEqual([c.stdout, c.stderr, c.exitCode], ["out\n", "err\n", 0]);
    assert.ok(!alive(c.pid));
  });

  test("kill", async (t) => {
    const { commands } = await sandboxOf(t);
    const c = await commands.run("sleep 1000", { background: true });
    assert.equal(await c.kill(), true);
    await failsWith(c.wait(), CommandExitError, killed);
    await failsWith(commands.run(`kill -0 ${c.pid}`, { user: "root" }), CommandExitError);
    assert.equal(await c.kill(), false);
    assert.equal(await commands.kill(NO_PID), false);
  });

  test("kill takes the children too", async (t) => {
    const { commands } = await sandboxOf(t);
    const c = await commands.run("sleep 200003 & wait", { background: true });
    await waitFor(() => pidsOf("sleep", "200003").length === 1, "the child runs");
    assert.equal(await commands.kill(c.pid), true);
    await failsWith(c.wait(), CommandExitError, killed);
    await waitFor(() => pidsOf("sleep", "200003").length === 0, "the child is killed");
  });

  test("list", async (t) => {
    const { commands } = await sandboxOf(t);
    const c = await commands.run("sleep 1000", { background: true, envs: { A: "b" }, cwd: "/tmp" });
    const other = await commands.run("sleep 1000", { background: true });
    const args = ["-l", "-c", "sleep 1000"];
    assert.deepEqual((await commands.list()).map((p) => ({ ...p })), [
      { pid: c.pid, cmd: "/bin/bash", args, envs: { A: "b" }, cwd: "/tmp" },
      { pid: other.pid, cmd: "/bin/bash", args, envs: {} },
    ]);
    await c.kill();
    await failsWith(c.wait(), CommandExitError, killed);
    assert.deepEqual((await commands.list()).map((p) => p.pid), [other.pid]);
  });

  test("disconnect leaves it running", async (t) => {
    const { commands } = await sandboxOf(t);
    const c = await commands.run("read x; echo got $x", { background: true, stdin: true });
    await c.disconnect();
    const again = await commands.connect(c.pid);
    await again.sendStdin("word\n");
    assert.equal((await again.wait()).stdout, "got word\n");
  });

  test("connect", async (t) => {
    const { commands } = await sandboxOf(t);
    let seen = "";
    const first = await commands.run("read x; echo got $x; exit 3", { background: true, stdin: true });
    const second = await commands.connect(first.pid, { onStdout: (text) => (seen += text) });
    assert.equal(second.pid, first.pid);
    await second.sendStdin("word\n");
    for (const c of [first, second]) await failsWith(c.wait(), CommandExitError, { stdout: "got word\n", exitCode: 3 });
    assert.equal(seen, "got word\n");
    // One that ended a moment ago still tells how.
    await failsWith((await commands.connect(first.pid)).wait(), CommandExitError, { exitCode: 3 });
  });

  test("connect's timeout is not the command's", async (t) => {
    const { commands } = await sandboxOf(t);
    const c = await commands.run("sleep 1000", { background: true });
    await failsWith((await commands.connect(c.pid, { timeoutMs: 300 })).wait(), TimeoutError);
    assert.ok(alive(c.pid));
  });

  test("connect to nothing", async (t) => {
    const { commands } = await sandboxOf(t);
    await failsWith(commands.connect(NO_PID), NotFoundError, { message: /process with pid 4194305 not found/ });
  });
});

suite("input", { timeout: SUITE_HANG_MS }, () => {
  test("stdin", async (t) => {
    const { commands } = await sandboxOf(t);
    const c = await commands.run("cat", { background: true, stdin: true });
    await c.sendStdin(UNICODE);
    await c.sendStdin("");
    await commands.sendStdin(c.pid, new TextEncoder().encode(" and bytes"));
    await c.closeStdin();
    assert.equal((await c.wait()).stdout, `${UNICODE} and bytes`);
  });

  test("it keeps its order", async (t) => {
    const { commands } = await sandboxOf(t);
    const c = await commands.run("sha256sum", { background: true, stdin: true });
    const hash = createHash("sha256");
    for (let i = 0; i < 40; i++) {
      const chunk = randomBytes(30000);
      hash.update(chunk);
      await commands.sendStdin(c.pid, chunk);
    }
    await commands.closeStdin(c.pid);
    assert.equal((await c.wait()).stdout, `${hash.digest("hex")}  -\n`);
  });

  test("a request's timeout", async (t) => {
    const { commands } = await sandboxOf(t);
    const c = await commands.run("sleep 1000", { background: true, stdin: true });
    // A process that does not read holds up its sender, but not the agent.
    await failsWith(c.sendStdin("x".repeat(1 << 20), { requestTimeoutMs: 500 }), TimeoutError);
    assert.equal(await c.kill(), true);
    await failsWith(c.wait(), CommandExitError, killed);
  });

  test("that nobody takes", async (t) => {
    const { commands, pty } = await sandboxOf(t);
    const c = await commands.run("sleep 1000", { background: true });
    await failsWith(c.sendStdin("x"), SandboxError, { message: /stdin not enabled or closed/ });
    await c.closeStdin();
    await failsWith(pty.sendInput(c.pid, new Uint8Array(1)), SandboxError, { message: /tty not assigned to process/ });
    await failsWith(commands.sendStdin(NO_PID, "x"), NotFoundError);
    await failsWith(commands.closeStdin(NO_PID), NotFoundError);
  });
});
