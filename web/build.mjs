// Builds dist/: one style sheet and the scripts. `--check` builds in memory and compares, so
// that what is committed is what the sources say. Cargo needs no node: it embeds dist/.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import * as sass from "sass";
import * as esbuild from "esbuild";
import postcss from "postcss";

const here = dirname(fileURLToPath(import.meta.url));
const css_limit_bytes = 120 * 1024;

function refuse(condition, sentence) {
  if (condition) {
    console.error(`web/build.mjs: ${sentence}`);
    process.exit(1);
  }
}

// Every word of the portal's templates: classes, elements and attributes are among them.
function named() {
  const folder = join(here, "../crates/server/templates");
  const words = new Set();
  for (const entry of readdirSync(folder, { recursive: true })) {
    if (!entry.endsWith(".html")) continue;
    for (const [word] of readFileSync(join(folder, entry), "utf8").matchAll(/[a-zA-Z][\w-]*/g)) words.add(word);
  }
  return words;
}

// Leaves out every rule for a class that no page has.
function purge(css) {
  const used = named();
  // A class with a width or size that a template fills in, such as `c-input--width-{{ width }}`.
  const filled = /^c-input--width-(2|4|10|20)$/;
  const root = postcss.parse(css);
  root.walkRules((rule) => {
    if (rule.parent.type === "atrule" && rule.parent.name.endsWith("keyframes")) return;
    rule.selectors = rule.selectors.filter((selector) => {
      const classes = [...selector.replace(/:not\([^)]*\)/g, "").matchAll(/\.([a-zA-Z][\w-]*)/g)];
      return classes.every(([, name]) => used.has(name) || filled.test(name));
    });
    if (rule.selectors.length === 0 || rule.selector === "") rule.remove();
  });
  let emptied = true;
  while (emptied) {
    emptied = false;
    root.walkAtRules((rule) => {
      if (rule.nodes && rule.nodes.length === 0) {
        rule.remove();
        emptied = true;
      }
    });
  }
  return root.toString();
}

function styles() {
  const compiled = sass.compile(join(here, "styles/candour.scss"), {
    loadPaths: [join(here, "node_modules"), join(here, "styles")],
    style: "compressed",
    quietDeps: true,
  }).css;
  // The custom properties are there for nhsuk-frontend's own scripts, which are not used.
  const css = purge(compiled.replaceAll(/:root\{--nhsuk[^}]*\}/g, "").replaceAll("nhsuk-", "c-"));
  refuse(/nhs/i.test(css), "the style sheet still names the NHS");
  refuse(/@font-face|@import|https?:|\/\/[a-z]/i.test(css.replaceAll("http://www.w3.org/2000/svg", "")), "the style sheet names a font or an outside address");
  refuse(!/html\{[^}]*font-family:system-ui/.test(css), "the pages have no font family: a browser would take its own");
  refuse(Buffer.byteLength(css) > css_limit_bytes, `the style sheet has ${Buffer.byteLength(css)} bytes, more than ${css_limit_bytes}`);
  return css.endsWith("\n") ? css : `${css}\n`;
}

function script(name) {
  const result = esbuild.buildSync({
    entryPoints: [join(here, "scripts", name)],
    bundle: true,
    minify: true,
    format: "iife",
    target: ["es2020"],
    charset: "utf8",
    legalComments: "none",
    write: false,
  });
  return result.outputFiles[0].text;
}

const built = {
  "candour.css": styles(),
  "passkey.js": script("passkey.js"),
  "check_receipt.js": script("check_receipt.ts"),
  "demonstration.js": script("demonstration.js"),
  "room_demonstration.js": script("room_demonstration.js"),
};
for (const name of readdirSync(join(here, "images"))) {
  built[name] = readFileSync(join(here, "images", name), "utf8");
}

const dist = join(here, "dist");
if (process.argv.includes("--check")) {
  const present = readdirSync(dist).sort().join(" ");
  refuse(present !== Object.keys(built).sort().join(" "), `dist/ holds other files than the build makes (${present}); run: npm run build`);
  for (const [name, text] of Object.entries(built)) {
    refuse(readFileSync(join(dist, name), "utf8") !== text, `dist/${name} is not what its sources build to; run: npm run build`);
  }
} else {
  mkdirSync(dist, { recursive: true });
  for (const [name, text] of Object.entries(built)) {
    writeFileSync(join(dist, name), text);
    console.log(`${String(Buffer.byteLength(text)).padStart(7)}  dist/${name}`);
  }
}
