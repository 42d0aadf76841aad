// How to get a connection to guestd, whatever lies between. Copy this file.
import * as net from "node:net";

// A connected socket to one of
//
//   unix:PATH          a unix socket
//   tcp:HOST:PORT      TCP
//   hybrid:PATH:PORT   the VM's unix socket of Firecracker or Cloud Hypervisor, and a port in the guest
//
// Node has no AF_VSOCK: let guestctl make a unix socket of it (guestctl -t vsock:CID:PORT bridge unix:PATH).
export async function dial(address: string, timeoutMs = 5000): Promise<net.Socket> {
  const kind = address.slice(0, address.indexOf(":"));
  const rest = address.slice(kind.length + 1);
  const end = rest.lastIndexOf(":");
  switch (kind) {
    case "unix":
      return connected({ path: rest }, timeoutMs);
    case "tcp":
      return connected({ host: rest.slice(0, end).replace(/^\[|\]$/g, ""), port: Number(rest.slice(end + 1)) }, timeoutMs);
    case "hybrid": {
      const socket = await connected({ path: rest.slice(0, end) }, timeoutMs);
      await handshake(socket, rest.slice(end + 1), timeoutMs);
      return socket;
    }
    default:
      throw new Error(`${address}: neither unix, tcp nor hybrid`);
  }
}

function within(socket: net.Socket, timeoutMs: number, begin: (done: () => void, fail: (e: Error) => void) => void) {
  return new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => fail(new Error("no answer in time")), timeoutMs);
    const fail = (e: Error) => {
      clearTimeout(timer);
      socket.destroy();
      reject(e);
    };
    socket.once("error", fail);
    begin(() => {
      clearTimeout(timer);
      socket.off("error", fail);
      resolve();
    }, fail);
  });
}

async function connected(options: net.NetConnectOpts, timeoutMs: number): Promise<net.Socket> {
  const socket = net.connect({ ...options, noDelay: true } as net.NetConnectOpts);
  await within(socket, timeoutMs, (done) => socket.once("connect", done));
  return socket;
}

// Asks the VMM for a port of the guest. What comes behind the line is the guest's, so it is read byte by byte.
async function handshake(socket: net.Socket, port: string, timeoutMs: number) {
  let line = "";
  await within(socket, timeoutMs, (done, fail) => {
    const closed = () => fail(new Error(`nothing listens on port ${port} in the guest, or not yet: try again`));
    const take = () => {
      for (let byte; (byte = socket.read(1)); ) {
        line += byte.toString("latin1");
        if (line.endsWith("\n") || line.length >= 32) {
          socket.off("readable", take).off("end", closed);
          return line.startsWith("OK ") ? done() : fail(new Error(`${JSON.stringify(line)} is not the answer of a VMM`));
        }
      }
    };
    socket.on("readable", take).on("end", closed);
    socket.write(`CONNECT ${port}\n`);
  });
}
