// A command, a terminal, and a stream that is taken up again, with connect-node: node main.js ADDRESS
import { setTimeout as sleep } from "node:timers/promises";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Client } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { dial } from "./dial.js";
import { Process, ProcessSelectorSchema, type ProcessSelector } from "./process/process_pb.js";

const address = process.argv[2];
if (process.argv.length !== 3) {
  console.error("usage: node main.js unix:PATH | tcp:HOST:PORT | hybrid:PATH:PORT");
  process.exit(2);
}

// HTTP/2 by prior knowledge over a socket that is connected already; all calls share it. (createConnectTransport speaks Connect
// in its place.)
const socket = await dial(address);
const session = new Http2SessionManager("http://guest", {}, { createConnection: () => socket });
const client = createClient(Process, createGrpcTransport({ baseUrl: "http://guest", sessionManager: session }));

// Prints what comes, line by line.
function lines(prefix: string) {
  let rest = "";
  const decoder = new TextDecoder();
  return (data: Uint8Array) => {
    const all = (rest + decoder.decode(data, { stream: true })).split("\n");
    rest = all.pop() ?? "";
    for (const line of all) {
      console.log(`${prefix}: ${line.replace(/\r$/, "")}`);
    }
  };
}

const shell = (script: string) => ({ cmd: "/bin/sh", args: ["-c", script] });

// A command: its output as it comes, then its exit code.
async function run(client: Client<typeof Process>) {
  const print = { stdout: lines("exec: stdout"), stderr: lines("exec: stderr"), pty: lines("exec: pty") };
  for await (const { event } of client.start({ process: shell("echo hello; sleep 0.1; echo oops >&2; exit 3") })) {
    if (event?.event.case === "data" && event.event.value.output.case) {
      print[event.event.value.output.case](event.event.value.output.value);
    } else if (event?.event.case === "end") {
      console.log("exec: exit code", event.event.value.exitCode);
    }
  }
}

// A command that believes that it talks to a person.
async function terminal(client: Client<typeof Process>) {
  const print = lines("terminal");
  let selector: ProcessSelector | undefined;
  for await (const { event } of client.start({
    process: shell("stty -echo; stty size; read x; echo got $x"),
    pty: { size: { rows: 30, cols: 90 } },
  })) {
    if (event?.event.case === "start") {
      selector = create(ProcessSelectorSchema, { selector: { case: "pid", value: event.event.value.pid } });
    } else if (event?.event.case === "data" && event.event.value.output.case === "pty") {
      const data = event.event.value.output.value;
      print(data);
      if (Buffer.from(data).includes("30 90")) {
        await client.sendInput({ process: selector, input: { input: { case: "pty", value: Buffer.from("word\n") } } });
      }
    } else if (event?.event.case === "end") {
      console.log("terminal: exit code", event.event.value.exitCode);
    }
  }
}

// Loses the stream, and takes it up where it was: nothing is missed, and nothing comes twice.
async function reconnect(client: Client<typeof Process>) {
  const print = lines("reconnect");
  const lost = new AbortController();
  let next = 0n;
  let selector: ProcessSelector | undefined;
  try {
    for await (const { event } of client.start(
      { process: shell("echo one; sleep 0.5; echo two; sleep 0.5; echo three"), events: { offsets: true } },
      { signal: lost.signal },
    )) {
      if (event?.event.case === "start") {
        selector = create(ProcessSelectorSchema, { selector: { case: "id", value: event.event.value.id ?? 0n } });
      } else if (event?.event.case === "data" && event.event.value.output.case === "stdout") {
        const data = event.event.value;
        print(event.event.value.output.value);
        next = (data.offset ?? 0n) + BigInt(event.event.value.output.value.length);
        lost.abort(); // as when the network does
      }
    }
  } catch (e) {
    if (ConnectError.from(e).code !== Code.Canceled) {
      throw e;
    }
  }
  await sleep(700); // the process writes on
  for await (const { event } of client.connect({
    process: selector,
    events: { offsets: true },
    replay: { from: { case: "offset", value: next } },
  })) {
    if (event?.event.case === "start" && event.event.value.offset !== next) {
      throw new Error(`the bytes from ${next} to ${event.event.value.offset} are not kept any more`);
    } else if (event?.event.case === "data" && event.event.value.output.case === "stdout") {
      print(event.event.value.output.value);
    } else if (event?.event.case === "end") {
      console.log("reconnect: exit code", event.event.value.exitCode);
    }
  }
}

for (const step of [run, terminal, reconnect]) {
  await step(client);
}
session.abort();
