// The passkey step, the one thing on these pages that needs a script. A form with
// `data-passkey="get"` or `"create"` is sent once the browser has answered its challenge.
import { begin } from "./ceremony.js";
import { credentials } from "./credentials.js";

function show(form, which) {
  for (const name of ["failed", "missing"]) {
    const sentence = form.querySelector(`[data-passkey-${name}]`);
    if (sentence) sentence.hidden = name !== which;
  }
}

async function answer(form) {
  let options = form.dataset.options ? JSON.parse(form.dataset.options) : null;
  if (!options) {
    const ceremony = await begin(form);
    form.elements.namedItem("ceremony").value = ceremony.ceremony;
    options = ceremony.options;
  }
  const asked = options.publicKey || options;
  form.elements.namedItem("answer").value =
    form.dataset.passkey === "create" ? await credentials.create(asked) : await credentials.get(asked);
}

// An act: an answer of a passkey that is there, or a code, and where one is to be added, a new passkey. Each on a press
// of its own, because browsers want one for each. True once all of it is there.
async function answerAct(form, options, byCode) {
  const field = (name) => form.elements.namedItem(name);
  if (!byCode && !field("answer").value) {
    field("answer").value = await credentials.get(options.publicKey);
    if (options.create) {
      for (const part of form.querySelectorAll("[data-first], [data-second]")) {
        part.hidden = part.hasAttribute("data-first");
      }
      show(form, "none");
      form.querySelector("[data-second] button").focus();
      return false;
    }
  }
  if (options.create) {
    field("created").value = await credentials.create(options.create.publicKey);
  }
  return true;
}

for (const form of document.querySelectorAll("form[data-passkey=act]")) {
  const options = JSON.parse(form.dataset.options);
  form.addEventListener("submit", (event) => {
    const byCode = event.submitter && event.submitter.hasAttribute("data-without-passkey");
    if (byCode && !options.create) return;
    event.preventDefault();
    if (form.getAttribute("aria-busy") === "true") return;
    if (!window.PublicKeyCredential) {
      show(form, "missing");
      return;
    }
    form.setAttribute("aria-busy", "true");
    answerAct(form, options, byCode).then(
      (isWhole) => {
        if (isWhole) form.submit();
        else form.removeAttribute("aria-busy");
      },
      () => {
        form.removeAttribute("aria-busy");
        show(form, "failed");
      },
    );
  });
}

for (const form of document.querySelectorAll("form[data-passkey]:not([data-passkey=act])")) {
  form.addEventListener("submit", (event) => {
    if (event.submitter && event.submitter.hasAttribute("data-without-passkey")) return;
    // Without a birth date no account is made: the page says so before a passkey is, which would stay on the device.
    const born = [...form.querySelectorAll(".c-date-input__input")];
    if (born.some((input) => input.value.trim() === "")) return;
    event.preventDefault();
    const acting = form.elements.namedItem("acting");
    if (acting && event.submitter) acting.value = event.submitter.dataset.acting || acting.value;
    if (form.getAttribute("aria-busy") === "true") return;
    if (!window.PublicKeyCredential) {
      show(form, "missing");
      return;
    }
    form.setAttribute("aria-busy", "true");
    answer(form).then(
      () => form.submit(),
      () => {
        form.removeAttribute("aria-busy");
        show(form, "failed");
      },
    );
  });
}

const problems = document.getElementById("problems");
if (problems) problems.focus();
