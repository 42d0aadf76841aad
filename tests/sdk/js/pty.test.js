"use strict";
// sandbox.pty of the published package: an interactive login shell.

const assert = require("node:assert/strict");
const { suite, test } = require("node:test");
const { CommandExitError, NotFoundError, SandboxError, TimeoutError } = require("e2b");
const { NO_PID, SUITE_HANG_MS, alive, sandboxOf, waitFor } = require("./clients.js");

// A terminal, and what it has written so far.
class Terminal {
  seen = "";
  decoder = new TextDecoder();

  // open() is given what shall be called with the terminal's output.
  static async open(sandbox, open) {
    const terminal = new Terminal();
    terminal.sandbox = sandbox;
    terminal.handle = await open((data) => (terminal.seen += terminal.decoder.decode(data, { stream: true })));
    terminal.pid = terminal.handle.pid;
    return terminal;
  }

  async send(text) {
    await this.sandbox.pty.sendInput(this.pid, new TextEncoder().encode(text));
  }

  async until(text) {
    await waitFor(() => this.seen.includes(text), `${text} on the terminal`);
  }
}

async function create(t, options = {}) {
  const sandbox = await sandboxOf(t);
  return Terminal.open(sandbox, (onData) => sandbox.pty.create({ cols: 80, rows: 24, onData, ...options }));
}

suite("pty", { timeout: SUITE_HANG_MS }, () => {
  // What is typed is echoed, so no test types in one piece what it waits for.

  test("a shell on a terminal", async (t) => {
    const terminal = await create(t);
    await terminal.send("tty; whoami; echo $PWD $TERM $LANG $LC_ALL\n");
    await terminal.until("user\r\n/home/user xterm-256color C.UTF-8 C.UTF-8\r\n");
    assert.match(terminal.seen, /\/dev\/pts\/\d+\r\n/);
    assert.deepEqual((await terminal.sandbox.commands.list()).map((p) => p.args), [["-i", "-l"]]);
  });

  test("options", async (t) => {
    const terminal = await create(t, { user: "root", cwd: "/tmp", envs: { A: "ä b", TERM: "dumb" } });
    await terminal.send('echo "$(whoami) $PWD $A $TERM"\n');
    await terminal.until("root /tmp ä b dumb\r\n");
  });

  test("size", async (t) => {
    const terminal = await create(t);
    await terminal.send("stty size; tput cols\n");
    await terminal.until("24 80\r\n80\r\n");
    await terminal.sandbox.pty.resize(terminal.pid, { cols: 132, rows: 50 });
    await terminal.send("stty size; tput cols\n");
    await terminal.until("50 132\r\n132\r\n");
  });

  test("keys", async (t) => {
    const terminal = await create(t);
    await terminal.send(`bash -c 'echo up""on; exec sleep 1000'\n`);
    await terminal.until("upon");
    await terminal.send("\x03");
    await terminal.send("echo co''de $?\n");
    await terminal.until("code 130\r\n");
    await terminal.send(`bash -c 'echo go""ing; cat'; echo go""ne\n`);
    await terminal.until("going");
    await terminal.send("\x04");
    await terminal.until("gone\r\n");
  });

  test("the shell's exit code", async (t) => {
    const terminal = await create(t);
    await terminal.send("exit 3\n");
    await assert.rejects(terminal.handle.wait(), (e) => e instanceof CommandExitError && e.exitCode === 3);
  });

  test("much output", async (t) => {
    const terminal = await create(t);
    await terminal.send("echo be''gin; seq 100000; echo en''d\n");
    await terminal.until("end\r\n");
    const numbers = Array.from({ length: 100000 }, (_, i) => `${i + 1}\r\n`).join("");
    // Compared as a boolean: the difference of such strings would be printed in full.
    assert.ok(terminal.seen.includes(`begin\r\n${numbers}end\r\n`));
  });

  test("kill", async (t) => {
    const terminal = await create(t);
    const { pty } = terminal.sandbox;
    assert.equal(await pty.kill(terminal.pid), true);
    await assert.rejects(terminal.handle.wait(),
      (e) => e instanceof CommandExitError && e.exitCode === -1 && e.error === "signal: killed");
    assert.ok(!alive(terminal.pid));
    assert.equal(await pty.kill(terminal.pid), false);
    assert.equal(await pty.kill(NO_PID), false);
  });

  test("disconnect and connect", async (t) => {
    const terminal = await create(t);
    const { sandbox } = terminal;
    await terminal.send("kept=here; echo se''t\n");
    await terminal.until("set\r\n");
    await terminal.handle.disconnect();
    assert.ok(alive(terminal.pid));
    const again = await Terminal.open(sandbox, (onData) => sandbox.pty.connect(terminal.pid, { onData }));
    assert.equal(again.pid, terminal.pid);
    await again.send("echo still $kept\n");
    await again.until("still here\r\n");
  });

  test("a timeout", async (t) => {
    const terminal = await create(t, { timeoutMs: 500 });
    await assert.rejects(terminal.handle.wait(), TimeoutError);
  });

  test("the end of its input", async (t) => {
    const terminal = await create(t);
    await terminal.sandbox.commands.closeStdin(terminal.pid);
    assert.equal((await terminal.handle.wait()).exitCode, 0);
  });

  test("what is not for terminals", async (t) => {
    const terminal = await create(t);
    const { commands, pty } = terminal.sandbox;
    await assert.rejects(commands.sendStdin(terminal.pid, "x"),
      (e) => e instanceof SandboxError && /tty assigned to process/.test(e.message));
    await assert.rejects(pty.connect(NO_PID), NotFoundError);
    await assert.rejects(pty.resize(NO_PID, { cols: 1, rows: 1 }), NotFoundError);
  });
});
