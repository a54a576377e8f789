// The incident room of a demonstration: its officers answer with passkeys made in software.
import { passkeyAnswer } from "./software_passkey.js";

const data = document.getElementById("options");

for (const form of document.querySelectorAll("form[data-demonstration]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const options = JSON.parse(data.textContent);
    passkeyAnswer(JSON.parse(form.dataset.demonstration), options.publicKey || options).then(
      (answer) => {
        form.elements.namedItem("answer").value = answer;
        form.submit();
      },
      () => {
        form.querySelector("[data-failed]").hidden = false;
      },
    );
  });
}
