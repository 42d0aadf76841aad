"use strict";
// sandbox.files of the published package.

const assert = require("node:assert/strict");
const { execFileSync, spawn } = require("node:child_process");
const { randomBytes, randomUUID } = require("node:crypto");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { suite, test } = require("node:test");
const {
  AuthenticationError,
  FileNotFoundError,
  FileType,
  InvalidArgumentError,
  NotEnoughSpaceError,
  Sandbox,
  SandboxError,
  TimeoutError,
} = require("e2b");
const { SUITE_HANG_MS, failsWith, sandboxOf, waitFor } = require("./clients.js");

const HOME = "/home/user";
const UNICODE = "grüße, 世界 🌍\r\n";
const TOKEN = "0tQG31xiMp0IOQfaz9dcwi72L1CPo8e0";
const TOKEN_PORT = 49985;

// How a file can be sent: as a form, as bytes, and packed.
const ways = { form: { useOctetStream: false }, octets: { useOctetStream: true }, gzip: { gzip: true } };

// A test's sandbox. The user's home is empty again afterwards.
async function filesOf(t) {
  const sandbox = await sandboxOf(t);
  t.after(() => execFileSync("find", [HOME, "-mindepth", "1", "-delete"]));
  return sandbox;
}

function scratch(t) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "sdk"));
  t.after(() => fs.rmSync(dir, { recursive: true }));
  return dir;
}

// What the package tells of a path that is no link.
function asTheKernelHasIt(at) {
  const st = fs.statSync(at);
  const octal = st.mode & 0o777;
  const letters = [6, 3, 0].map((shift) => [4, 2, 1].map((bit, i) => ((octal >> shift) & bit ? "rwx"[i] : "-")).join(""));
  return {
    name: path.basename(at), type: st.isDirectory() ? FileType.DIR : FileType.FILE, path: at, size: st.size, mode: octal,
    permissions: (st.isDirectory() ? "d" : "-") + letters.join(""), owner: "user", group: "user",
    modifiedTime: new Date(Math.floor(Number(fs.statSync(at, { bigint: true }).mtimeNs / 1000000n))),
    symlinkTarget: undefined, metadata: undefined,
  };
}

async function whole(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function streamOf(bytes, pieces = 30) {
  const size = Math.max(1, Math.ceil(bytes.length / pieces));
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(new Uint8Array(bytes.subarray(at, at + size)));
      at += size;
    },
  });
}

suite("read and write", { timeout: SUITE_HANG_MS }, () => {
  const contents = { nothing: Buffer.alloc(0), text: Buffer.from(UNICODE), "5 MB": Buffer.from(UNICODE.repeat(200000)) };
  for (const [name, data] of Object.entries(contents)) {
    for (const gzip of [false, true]) {
      test(`read ${name}${gzip ? " and take gzip" : ""}`, async (t) => {
        const { files } = await filesOf(t);
        fs.writeFileSync(`${HOME}/f`, data);
        assert.ok((await files.read("f", { gzip })) === data.toString());
        assert.ok((await files.read("f", { gzip, format: "text" })) === data.toString());
        const bytes = await files.read("f", { gzip, format: "bytes" });
        assert.ok(bytes instanceof Uint8Array && data.equals(bytes));
        const blob = await files.read("f", { gzip, format: "blob" });
        assert.ok(data.equals(Buffer.from(await blob.arrayBuffer())));
        assert.ok(data.equals(await whole(await files.read("f", { gzip, format: "stream" }))));
      });
    }
  }

  test("a stream that is cancelled", async (t) => {
    const { files } = await filesOf(t);
    fs.writeFileSync(`${HOME}/f`, Buffer.alloc(50 << 20));
    const reader = (await files.read("f", { format: "stream" })).getReader();
    assert.ok((await reader.read()).value.length > 0);
    await reader.cancel();
    assert.equal(await files.exists("f"), true);
  });

  const text = UNICODE.repeat(50000);
  const kinds = {
    string: () => text,
    ArrayBuffer: () => new TextEncoder().encode(text).buffer,
    Blob: () => new Blob([text]),
    stream: () => streamOf(Buffer.from(text)),
  };
  for (const [kind, data] of Object.entries(kinds)) {
    for (const [way, options] of Object.entries(ways)) {
      test(`write a ${kind}: ${way}`, async (t) => {
        const { files } = await filesOf(t);
        const info = await files.write("a/b/to ü.txt", data(), options);
        assert.deepEqual({ ...info }, { path: `${HOME}/a/b/to ü.txt`, name: "to ü.txt", type: "file", metadata: undefined });
        assert.ok(fs.readFileSync(`${HOME}/a/b/to ü.txt`, "utf8") === text);
      });
    }
  }

  test("writing again replaces", async (t) => {
    const { files } = await filesOf(t);
    for (const data of ["a longer one", "short", ""]) {
      await files.write("f", data);
      assert.equal(await files.read("f"), data);
    }
  });

  for (const [way, options] of Object.entries(ways)) {
    test(`several: ${way}`, async (t) => {
      const { files } = await filesOf(t);
      const entries = Array.from({ length: 9 }, (_, i) => ({ path: `d${i % 3}/${i}.txt`, data: `text ${i}` }));
      for (const call of ["writeFiles", "write"]) {
        const infos = await files[call](entries, options);
        assert.deepEqual(infos.map((info) => info.path), entries.map((entry) => `${HOME}/${entry.path}`));
        for (const entry of entries) assert.equal(await files.read(entry.path), entry.data);
        await files.remove(".");
        await files.makeDir(".");
      }
      assert.deepEqual(await files.writeFiles([]), []);
    });

    test(`metadata: ${way}`, async (t) => {
      const { files } = await filesOf(t);
      const told = { author: "me & you", empty: "" };
      const info = await files.write("f", "x", { ...options, metadata: { Author: "me & you", empty: "" } });
      assert.deepEqual(info.metadata, told);
      assert.deepEqual((await files.getInfo("f")).metadata, told);
      assert.deepEqual((await files.list(".")).map((entry) => entry.metadata), [told]);
      assert.deepEqual((await files.rename("f", "g")).metadata, told);
      assert.equal((await files.write("g", "y", options)).metadata, undefined);
      assert.equal((await files.getInfo("g")).metadata, undefined);
    });
  }

  test("metadata that is too long", async (t) => {
    const { files } = await filesOf(t);
    await failsWith(files.write("f", "x", { metadata: { a: "x".repeat(5000) } }), InvalidArgumentError, { message: /metadata/ });
  });
});

suite("directories and entries", { timeout: SUITE_HANG_MS }, () => {
  test("getInfo", async (t) => {
    const { files } = await filesOf(t);
    await files.write("f", "four");
    fs.chmodSync(`${HOME}/f`, 0o640);
    assert.deepEqual(await files.getInfo("f"), asTheKernelHasIt(`${HOME}/f`));
    await files.makeDir("d");
    assert.deepEqual(await files.getInfo("~/d"), asTheKernelHasIt(`${HOME}/d`));
  });

  test("links", async (t) => {
    const { files } = await filesOf(t);
    await files.write("f", "four");
    fs.symlinkSync("f", `${HOME}/l`);
    fs.symlinkSync("nowhere", `${HOME}/dangling`);
    const { type, symlinkTarget, permissions, mode } = await files.getInfo("l");
    assert.deepEqual([type, symlinkTarget, permissions, mode], [FileType.FILE, `${HOME}/f`, "Lrwxrwxrwx", 0o644]);
    assert.equal((await files.getInfo("dangling")).symlinkTarget, `${HOME}/dangling`);
    // The package hides what is neither file nor directory.
    assert.deepEqual((await files.list(".")).map((entry) => entry.name), ["f", "l"]);
    await files.remove("l");
    assert.equal(await files.exists("f"), true);
  });

  test("list", async (t) => {
    const { files } = await filesOf(t);
    await files.writeFiles(["a/b/c/deep", "a/f", "z"].map((at) => ({ path: at, data: "x" })));
    const paths = ["a", "a/b", "a/b/c", "a/b/c/deep", "a/f", "z"].map((at) => `${HOME}/${at}`);
    for (const depth of [1, 2, 3, 4]) {
      const want = paths.filter((at) => at.split("/").length <= depth + 3);
      assert.deepEqual(await files.list(HOME, { depth }), want.map(asTheKernelHasIt));
    }
    assert.deepEqual((await files.list(HOME)).map((entry) => entry.name), ["a", "z"]);
    await files.makeDir("empty");
    assert.deepEqual(await files.list("empty"), []);
  });

  test("a name that is no text hides nothing", async (t) => {
    const { files } = await filesOf(t);
    await files.writeFiles(["before", "z"].map((at) => ({ path: at, data: "" })));
    fs.writeFileSync(Buffer.from(`${HOME}/n\xff`, "latin1"), "");
    assert.deepEqual((await files.list(".")).map((entry) => entry.name), ["before", "n\ufffd", "z"]);
  });

  test("makeDir and exists", async (t) => {
    const { files } = await filesOf(t);
    assert.equal(await files.exists("a/b"), false);
    assert.equal(await files.makeDir("a/b"), true);
    assert.equal(await files.exists("a/b"), true);
    assert.equal(await files.makeDir("a/b"), false);
    for (const at of ["a", "a/b"]) {
      const st = fs.statSync(`${HOME}/${at}`);
      assert.deepEqual([st.mode & 0o7777, st.uid, st.gid], [0o755, 1000, 1000]);
    }
  });

  test("rename", async (t) => {
    const { files } = await filesOf(t);
    await files.write("f", "old");
    assert.deepEqual(await files.rename("f", "new/dir/g"), asTheKernelHasIt(`${HOME}/new/dir/g`));
    await files.write("h", "newer");
    await files.rename("h", "new/dir/g");
    assert.equal(await files.read("new/dir/g"), "newer");
    assert.equal((await files.rename("new", "other")).type, FileType.DIR);
    assert.deepEqual([await files.exists("other/dir/g"), await files.exists("h"), await files.exists("new")],
      [true, false, false]);
  });

  test("remove", async (t) => {
    const { files } = await filesOf(t);
    await files.writeFiles(["f", "d/e/f"].map((at) => ({ path: at, data: "" })));
    for (const at of ["f", "d", "never/there"]) {
      await files.remove(at);
      assert.equal(await files.exists(at), false);
    }
  });

  test("whose they are", async (t) => {
    const { files } = await filesOf(t);
    const name = `sdk-${randomUUID()}`; // /root is everybody's
    t.after(() => fs.rmSync(`/root/${name}`, { recursive: true, force: true }));
    await files.write(`${name}/f`, "root's", { user: "root" });
    assert.equal(fs.statSync(`/root/${name}/f`).uid, 0);
    assert.equal(await files.read(`~/${name}/f`, { user: "root" }), "root's");
    assert.deepEqual((await files.list(name, { user: "root" })).map((entry) => entry.owner), ["root"]);
    assert.equal(await files.exists(`${name}/f`), false);
  });
});

// Every method once, with that path.
function calls(files, at, options) {
  return {
    read: () => files.read(at, options),
    stream: () => files.read(at, { format: "stream", ...options }),
    write: () => files.write(at, "x", options),
    "write octets": () => files.write(at, "x", { useOctetStream: true, ...options }),
    writeFiles: () => files.writeFiles([{ path: at, data: "x" }], options),
    list: () => files.list(at, options),
    exists: () => files.exists(at, options),
    getInfo: () => files.getInfo(at, options),
    makeDir: () => files.makeDir(at, options),
    rename: () => files.rename(at, "else", options),
    remove: () => files.remove(at, options),
    watchDir: () => files.watchDir(at, () => {}, options),
  };
}

suite("errors", { timeout: SUITE_HANG_MS }, () => {
  test("a user who is not there", async (t) => {
    const { files } = await filesOf(t);
    for (const call of Object.values(calls(files, "f", { user: "nobody-here" })))
      await failsWith(call(), AuthenticationError, { message: /nobody-here/ });
  });

  test("what is not there", async (t) => {
    const { files } = await filesOf(t);
    const missing = calls(files, "no/such");
    for (const name of ["read", "stream", "list", "getInfo", "rename", "watchDir"])
      await failsWith(missing[name](), FileNotFoundError, { message: /\/home\/user\/no\/such/ });
  });

  test("what is no file, or no directory", async (t) => {
    const { files } = await filesOf(t);
    await files.makeDir("d");
    await files.write("f", "");
    const [directory, file] = [calls(files, "d"), calls(files, "f")];
    for (const name of ["read", "stream", "write", "write octets", "writeFiles"])
      await failsWith(directory[name](), InvalidArgumentError, { message: /is a directory/ });
    for (const name of ["list", "makeDir", "watchDir"])
      await failsWith(file[name](), InvalidArgumentError, { message: /directory/ });
    await failsWith(files.list("d", { depth: 0 }), InvalidArgumentError, { message: /depth/ });
  });

  test("what the kernel refuses", async (t) => {
    const { files } = await filesOf(t);
    await files.writeFiles(["f", "d/x", "e/x"].map((at) => ({ path: at, data: "" })));
    await failsWith(files.makeDir("f/under"), SandboxError, { message: /not a directory/ });
    await failsWith(files.rename("d", "e"), SandboxError, { message: /not empty/ });
    await failsWith(files.write("f/under", ""), SandboxError, { message: /path is a file/ });
  });

  for (const [way, options] of Object.entries(ways)) {
    test(`a full disk: ${way}`, async (t) => {
      const { files } = await filesOf(t);
      const dir = scratch(t);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "none", dir]);
      try {
        await failsWith(files.write(`${dir}/f`, new Blob([randomBytes(1 << 20)]), options), NotEnoughSpaceError,
          { message: /not enough disk space available/ });
        await files.remove(`${dir}/f`);
        await files.write(`${dir}/f`, "x".repeat(1000), options);
      } finally {
        execFileSync("umount", ["-l", dir]);
      }
    });
  }
});

// A watch, and what it has told and was not taken yet.
async function watchOf(t, files, at, options) {
  const watch = { events: [], ends: [] };
  watch.handle = await files.watchDir(at, (event) => watch.events.push(event),
    { ...options, onExit: (error) => watch.ends.push(error) });
  t.after(() => watch.handle.stop());
  // All up to that event, with what came along.
  watch.upTo = async (type, name) => {
    await waitFor(() => watch.events.some((e) => e.type === type && e.name === name), `${type} ${name}`);
    return watch.events.splice(0);
  };
  return watch;
}

function short(events) {
  return events.map(({ type, name }) => `${type} ${name}`);
}

suite("watchDir", { timeout: SUITE_HANG_MS }, () => {
  test("what happens", async (t) => {
    const { files } = await filesOf(t);
    await files.makeDir("d/sub");
    const watch = await watchOf(t, files, "d");
    await files.write("d/sub/unseen", "x");
    await files.write("d/f", "x");
    assert.deepEqual(short(await watch.upTo("write", "f")), ["create f", "chmod f", "write f"]);
    await files.rename("d/f", "d/g");
    assert.deepEqual(short(await watch.upTo("create", "g")), ["rename f", "create g"]);
    fs.chmodSync(`${HOME}/d/g`, 0o600);
    assert.deepEqual(short(await watch.upTo("chmod", "g")), ["chmod g"]);
    await files.remove("d/g");
    assert.deepEqual(short(await watch.upTo("remove", "g")), ["remove g"]);
  });

  test("below, too", async (t) => {
    const { files } = await filesOf(t);
    await files.makeDir("d/sub");
    const watch = await watchOf(t, files, "d", { recursive: true });
    await files.write("d/sub/f", "x");
    assert.deepEqual(short(await watch.upTo("write", "sub/f")), ["create sub/f", "chmod sub/f", "write sub/f"]);
    await files.makeDir("d/new/deep");
    await files.write("d/new/deep/f", "x");
    const created = (await watch.upTo("write", "new/deep/f")).filter((e) => e.type === "create");
    assert.deepEqual(short(created), ["create new", "create new/deep", "create new/deep/f"]);
  });

  test("with entries", async (t) => {
    const { files } = await filesOf(t);
    await files.makeDir("d");
    const watch = await watchOf(t, files, "d", { includeEntry: true });
    await files.write("d/f", "four");
    assert.deepEqual((await watch.upTo("write", "f")).at(-1).entry, asTheKernelHasIt(`${HOME}/d/f`));
    await files.remove("d/f");
    assert.equal((await watch.upTo("remove", "f")).at(-1).entry, undefined);
  });

  test("its end", async (t) => {
    const { files } = await filesOf(t);
    const stopped = await watchOf(t, files, ".");
    const timedOut = await watchOf(t, files, ".", { timeoutMs: 300 });
    await stopped.handle.stop();
    await waitFor(() => stopped.ends.length === 1 && timedOut.ends.length === 1, "both have ended");
    assert.equal(timedOut.ends[0].constructor, TimeoutError);
  });
});

// --- URLs ------------------------------------------------------------------------------------------------------------

// [status, body] as one without a token gets them.
async function fetched(url, body) {
  const options = body === undefined ? {} : { method: "POST", body };
  if (typeof body === "string") options.headers = { "Content-Type": "application/octet-stream" };
  const answer = await fetch(url, options);
  return [answer.status, answer.ok ? await answer.text() : (await answer.json()).message];
}

function form(text) {
  const data = new FormData();
  data.append("file", text);
  return data;
}

// A sandbox with a token, as the package makes it of what E2B's cloud answers, and an agent that wants the token.
async function securedOf(t) {
  const dir = scratch(t);
  fs.writeFileSync(path.join(dir, "token"), TOKEN);
  const agent = spawn(process.env.GUESTD, ["--listen", `tcp:127.0.0.1:${TOKEN_PORT}`, "--run-dir", path.join(dir, "run"),
    "--token-file", path.join(dir, "token"), "--default-user", "user", "--log-level", "warn", "--no-cgroups"],
  { stdio: "inherit" });
  const ended = new Promise((resolve) => agent.on("exit", resolve));
  t.after(async () => {
    agent.kill("SIGTERM");
    assert.equal(await ended, 0);
  });
  const url = `http://127.0.0.1:${TOKEN_PORT}`;
  await waitFor(() => fetch(`${url}/health`).then((answer) => answer.ok, () => false), "the agent listens");
  return securedWith(url, TOKEN);
}

function securedWith(sandboxUrl, envdAccessToken) {
  return new Sandbox({ sandboxId: "secured", debug: true, envdVersion: "99.99.99", sandboxUrl, envdAccessToken });
}

suite("URLs", { timeout: SUITE_HANG_MS }, () => {
  test("of an agent without a token", async (t) => {
    const sandbox = await filesOf(t);
    assert.equal((await fetched(await sandbox.uploadUrl("ü 1.txt"), "sent"))[0], 200);
    assert.deepEqual(await fetched(await sandbox.downloadUrl("ü 1.txt")), [200, "sent"]);
    const upload = new FormData();
    upload.append("file", new Blob(["two"]), "sub/2.txt");
    assert.equal((await fetched(await sandbox.uploadUrl(), upload))[0], 200);
    assert.deepEqual(await fetched(await sandbox.downloadUrl(`${HOME}/sub/2.txt`, { user: "root" })), [200, "two"]);
  });

  test("signed", async (t) => {
    await filesOf(t);
    const secured = await securedOf(t);
    await secured.files.write("f", "four");
    assert.equal(await secured.files.read("f"), "four");
    assert.equal(await secured.files.exists("f"), true);
    const at = `${HOME}/sub/ü +1.txt`;
    for (const options of [{}, { user: "user" }, { useSignatureExpiration: 100 },
      { user: "root", useSignatureExpiration: 100 }]) {
      const [status, answer] = await fetched(await secured.uploadUrl(at, options), "sent");
      assert.deepEqual([status, JSON.parse(answer)], [200, [{ path: at, name: "ü +1.txt", type: "file" }]]);
      assert.deepEqual(await fetched(await secured.downloadUrl(at, options)), [200, "sent"]);
      assert.equal((await fetched(await secured.uploadUrl(at, options), form("a form")))[0], 200);
      assert.deepEqual(await fetched(await secured.downloadUrl(at, options)), [200, "a form"]);
    }
  });

  test("that do not hold", async (t) => {
    await filesOf(t);
    const secured = await securedOf(t);
    await secured.files.write("f", "four");
    const url = await secured.downloadUrl("f", { useSignatureExpiration: 100 });
    function changed(change) {
      const copy = new URL(url);
      change(copy.searchParams);
      return copy.toString();
    }
    for (const wrong of [
      changed((query) => query.set("path", "g")),
      changed((query) => query.set("username", "root")),
      changed((query) => query.set("signature_expiration", `${query.get("signature_expiration")}0`)),
      changed((query) => query.set("signature", `${query.get("signature")}A`)),
      await secured.uploadUrl("f"),
    ]) assert.deepEqual(await fetched(wrong), [401, "invalid signature"]);
    assert.deepEqual(await fetched(url, "x"), [401, "invalid signature"]);
    assert.deepEqual(await fetched(changed((query) => query.delete("signature"))), [401, "missing signature query parameter"]);
    const expired = { useSignatureExpiration: -1000 };
    assert.deepEqual(await fetched(await secured.downloadUrl("f", expired)), [401, "signature is already expired"]);
    assert.deepEqual(await fetched(await secured.uploadUrl("f", expired), "x"), [401, "signature is already expired"]);
    assert.equal(await secured.files.read("f"), "four");
  });

  test("a wrong token", async (t) => {
    const { envdApiUrl } = await securedOf(t);
    // What answers a request of /files answers a call, too; the package looks for a message only in its own form.
    for (const call of Object.values(calls(securedWith(envdApiUrl, "wrong").files, "f")))
      await failsWith(call(), AuthenticationError, { message: /token|HTTP 401/ });
  });
});
