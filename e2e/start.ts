// Starts the real binary with an empty data directory, waits until its first page is there, and ends it in order.
// `CANDOUR_ADDRESS` and `CANDOUR_DATA` name a demonstration that runs already.
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, createWriteStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const binaries = () => process.env.CANDOUR_BINARIES ?? resolve("../target/ci");
const patience_ms = 180_000;
const said = resolve("test-results/candour.log");

/** A port with four free ones after it: the demonstration takes five in a row. Below those of outgoing connections. */
async function freePort(from: number): Promise<number> {
  for (let base = from; base < 32_000; base += 10) {
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

/**
 * Who is in the demonstration: the same people as it was made with. What the sender sends again is there already; of
 * people who have left it is refused, which is why the exit code says nothing here.
 */
function list(data: string): void {
  const file = resolve("test-results/people.jsonl");
  const people = ["--patients", "200", "--seed", "1"];
  const done = spawnSync(join(binaries(), "candour-drill"), ["synth", "--data", data, ...people, "--list", file], { timeout: patience_ms });
  const is_whole = !done.signal && existsSync(file);
  if (!is_whole) throw new Error(`the people could not be listed: ${done.stderr}`);
}

interface Running {
  end(): Promise<void>;
}

/** Starts the demonstration; ready when it says so itself. */
function begin(data: string, port: number): Promise<Running> {
  const log = createWriteStream(said, { flags: "a" });
  const candour = spawn(join(binaries(), "candour"), ["demo", "--data", data, "--port", String(port)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  return new Promise((ready, failed) => {
    let text = "";
    const over = new Promise<void>((done) => candour.once("close", () => done()));
    const late = setTimeout(() => {
      candour.kill("SIGTERM");
      failed(new Error("candour demo was not ready in time"));
    }, patience_ms);
    const hear = (piece: Buffer) => {
      log.write(piece);
      text += piece;
      if (!text.includes("Ctrl-C ends everything")) return;
      clearTimeout(late);
      ready({
        async end() {
          candour.kill("SIGINT");
          const patience = setTimeout(() => candour.kill("SIGKILL"), 30_000);
          await over;
          clearTimeout(patience);
        },
      });
    };
    candour.stdout.on("data", hear);
    candour.stderr.on("data", hear);
    candour.once("error", failed);
    candour.once("exit", (code) => {
      clearTimeout(late);
      failed(new Error(`candour demo ended (${code}) before it was ready:\n${text}`));
    });
  });
}

export default async function start(): Promise<() => Promise<void>> {
  mkdirSync(resolve("test-results"), { recursive: true });
  rmSync(resolve("test-results/people.jsonl"), { force: true });
  rmSync(resolve("test-results/looked-at"), { recursive: true, force: true });
  if (process.env.CANDOUR_ADDRESS) {
    list(process.env.CANDOUR_DATA!);
    return async () => {};
  }
  const folder = mkdtempSync(join(tmpdir(), "candour journeys "));
  chmodSync(folder, 0o755); // As root each part has an account of its own and must get in.
  const data = join(folder, "demo");
  let port = Number(process.env.CANDOUR_PORT ?? 21_000);
  for (let tries = 3; ; tries -= 1) {
    port = await freePort(port);
    try {
      const running = await begin(data, port);
      process.env.CANDOUR_ADDRESS = `http://localhost:${port}`;
      process.env.CANDOUR_DATA = data;
      list(data);
      return async () => {
        await running.end();
        rmSync(folder, { recursive: true, force: true });
      };
    } catch (error) {
      // Between our look and its own, somebody else may have taken a port.
      if (tries > 1 && readFileSync(said, "utf8").includes("is taken by another program")) port += 10;
      else throw error;
    }
  }
}
