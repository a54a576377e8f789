// Starts the real binary with an empty data directory, waits until its first page is there, and ends it in order.
// `CANDOUR_ADDRESS` names a demonstration that runs already.
import { spawn } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const patience_ms = 300_000;

/** A port with four free ones after it: the demonstration takes five in a row. */
async function freePort(): Promise<number> {
  for (let base = 21_000; base < 40_000; base += 10) {
    const free = await Promise.all([0, 1, 2, 3, 4].map((step) => isFree(base + step)));
    if (free.every(Boolean)) return base;
  }
  throw new Error("no five free ports in a row");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const server = createServer();
    server.once("error", () => answer(false));
    server.listen(port, "127.0.0.1", () => server.close(() => answer(true)));
  });
}

async function answers(address: string): Promise<boolean> {
  try {
    return (await fetch(`${address}/sign-in`, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}

export default async function start(): Promise<() => Promise<void>> {
  if (process.env.CANDOUR_ADDRESS) return async () => {};
  const binaries = process.env.CANDOUR_BINARIES ?? resolve("../target/ci");
  const data = await mkdtemp(join(tmpdir(), "candour journeys "));
  await chmod(data, 0o755); // As root each part has an account of its own and must get in.
  const port = await freePort();
  const candour = spawn(join(binaries, "candour"), ["demo", "--data", join(data, "demo"), "--port", String(port)], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  let ended = false;
  const exit = new Promise<void>((done) => candour.once("exit", () => { ended = true; done(); }));
  const address = `http://localhost:${port}`;
  const until = Date.now() + patience_ms;
  while (!(await answers(address))) {
    if (ended) throw new Error("candour demo ended before its first page was there");
    if (Date.now() > until) {
      candour.kill("SIGINT");
      throw new Error("candour demo showed no page in time");
    }
    await new Promise((pause) => setTimeout(pause, 250));
  }
  process.env.CANDOUR_ADDRESS = address;
  return async () => {
    candour.kill("SIGINT");
    await Promise.race([exit, new Promise((late) => setTimeout(late, 20_000))]);
    if (!ended) candour.kill("SIGKILL");
    await rm(data, { recursive: true, force: true });
  };
}
