// Exchanges the code in the address for a cookie, and opens the studio.
const state = document.getElementById("state");
const answer = await fetch("/session", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ code: location.hash.slice(1) }),
});
if (answer.ok) location.replace("/");
else state.textContent = (await answer.json()).detail;
