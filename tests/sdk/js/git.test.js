"use strict";
// sandbox.git of the npm package, which is git in a shell.

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { sandboxOf } = require("./clients.js");

const HOME = "/home/user";

// A test's sandbox, whose home is empty afterwards.
async function gitOf(t) {
  const sandbox = await sandboxOf(t);
  t.after(() => sandbox.commands.run(`find ${HOME} -mindepth 1 -delete`));
  const run = async (command) => (await sandbox.commands.run(command)).stdout;
  await sandbox.git.configureUser("Ann", "ann@example.com");
  return { git: sandbox.git, run };
}

test("a repository's life", async (t) => {
  const { git, run } = await gitOf(t);
  const repo = `${HOME}/repo`;
  assert.equal(await git.getConfig("user.name"), "Ann");
  await git.setConfig("pull.rebase", "false");
  await git.init(repo, { initialBranch: "main" });
  await run(`echo 1 > ${repo}/a; echo 1 > ${repo}/b`);
  const names = (await git.status(repo)).fileStatus.map((file) => file.name);
  assert.deepEqual(names.sort(), ["a", "b"]);
  await git.add(repo, { files: ["a"] });
  await git.commit(repo, "first", { authorName: "Bob", authorEmail: "bob@example.com" });
  await git.add(repo);
  await git.commit(repo, "second");
  assert.equal(await run(`git -C ${repo} log --format=%an:%s`), "Ann:second\nBob:first\n");
  await git.createBranch(repo, "side");
  assert.equal((await git.branches(repo)).currentBranch, "side");
  await git.checkoutBranch(repo, "main");
  await git.deleteBranch(repo, "side", { force: true });
  await run(`echo 2 > ${repo}/a`);
  await git.restore(repo, { paths: ["a"] });
  assert.equal(await run(`cat ${repo}/a`), "1\n");
  await git.reset(repo, { mode: "hard", target: "HEAD~1" });
  assert.deepEqual((await git.status(repo)).fileStatus, []);
});

test("remotes", async (t) => {
  const { git, run } = await gitOf(t);
  const [bare, repo, clone] = ["bare.git", "repo", "clone"].map((name) => `${HOME}/${name}`);
  await git.init(bare, { bare: true, initialBranch: "main" });
  await git.init(repo, { initialBranch: "main" });
  await git.commit(repo, "first", { allowEmpty: true });
  await git.remoteAdd(repo, "origin", bare);
  assert.equal(await git.remoteGet(repo, "origin"), bare);
  await git.push(repo, { remote: "origin", branch: "main" });
  await git.clone(`file://${bare}`, { path: clone, depth: 1 });
  await git.commit(repo, "second", { allowEmpty: true });
  await git.push(repo);
  await git.pull(clone);
  assert.equal(await run(`git -C ${clone} log --format=%s -1`), "second\n");
});

test("credentials that are kept", async (t) => {
  const { git, run } = await gitOf(t);
  await git.dangerouslyAuthenticate({ username: "ann", password: "secret", host: "localhost", protocol: "http" });
  assert.equal(await run("cat ~/.git-credentials"), "http://ann:secret@localhost\n");
});
