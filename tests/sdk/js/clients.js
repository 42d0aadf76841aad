"use strict";
// What the tests of the npm package share.

const assert = require("node:assert/strict");
const fs = require("node:fs");
const { setTimeout: sleep } = require("node:timers/promises");
const { Sandbox } = require("e2b");

const NO_PID = 4194305; // above every pid_max
const HANG_MS = 20000; // after which something hangs
const SUITE_HANG_MS = 3 * HANG_MS;

// Waits for a condition, which may be asynchronous.
async function waitFor(condition, what) {
  const end = Date.now() + HANG_MS;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not within ${HANG_MS} ms: ${what}`);
    await sleep(5);
  }
}

// A test's sandbox. What the test leaves running does not outlive it.
async function sandboxOf(test) {
  const sandbox = await Sandbox.create({ debug: true });
  const { commands } = sandbox;
  test.after(async () => {
    // One that has just ended is still listed, and cannot be killed.
    for (const { pid } of await commands.list()) await commands.kill(pid).catch(() => {});
    await waitFor(async () => (await commands.list()).length === 0, "all processes have ended");
  });
  return sandbox;
}

// Also as a zombie: a process that was killed is reaped too.
function alive(pid) {
  return fs.existsSync(`/proc/${pid}`);
}

// The processes with exactly this command line.
function pidsOf(...words) {
  const line = words.map((word) => word + "\0").join("");
  return fs.readdirSync("/proc").filter((name) => {
    try {
      return /^\d+$/.test(name) && fs.readFileSync(`/proc/${name}/cmdline`, "latin1") === line;
    } catch {
      return false; // it has gone
    }
  });
}

// The promise fails with an error of that class (and no subclass) and these properties.
function failsWith(promise, kind, properties = {}) {
  return assert.rejects(promise, (error) => {
    assert.equal(error.constructor, kind);
    for (const [name, value] of Object.entries(properties)) {
      if (value instanceof RegExp) assert.match(error[name], value);
      else assert.deepEqual(error[name], value);
    }
    return true;
  });
}

module.exports = { NO_PID, SUITE_HANG_MS, alive, failsWith, pidsOf, sandboxOf, waitFor };
