// Asks the portal for a sign-in challenge: the same call for people and for the demonstration page.

export async function begin(form) {
  const login = form.elements.namedItem("login");
  const response = await fetch(form.dataset.start, {
    method: "POST",
    body: new URLSearchParams({ login: login ? login.value.trim() : "" }),
    headers: { Accept: "application/json" },
  });
  if (!response.ok) throw new Error(`the portal answered ${response.status}`);
  return response.json();
}
