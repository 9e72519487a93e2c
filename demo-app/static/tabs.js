// Sends 40 requests at once and asks the server how many of them the session has kept.
"use strict";

const REQUESTS = 40;

const button = document.getElementById("run-burst");
const result = document.getElementById("burst-result");
const progress = document.getElementById("burst-progress");
const counter = document.getElementById("counter");
const tab = Array.from(crypto.getRandomValues(new Uint8Array(4)), (byte) => byte.toString(16).padStart(2, "0")).join("");

let bursts = 0;

async function write(n) {
  const answer = await fetch("/tabs/write", {
    method: "POST",
    headers: { "X-CSRF-Token": button.dataset.csrf },
    body: new URLSearchParams({ tab, n: String(n) }),
  });
  progress.value += 1;
  return answer.ok;
}

async function burst() {
  button.disabled = true;
  progress.value = 0;
  result.className = "result";
  result.textContent = "";
  const first = bursts * REQUESTS;
  bursts += 1;
  try {
    const answers = await Promise.all(Array.from({ length: REQUESTS }, (_, n) => write(first + n)));
    const accepted = answers.filter(Boolean).length;
    const state = await (await fetch("/tabs/state?" + new URLSearchParams({ tab }))).json();
    const kept = state.kept - first;
    counter.textContent = state.counter;
    result.textContent = `${REQUESTS} sent, ${accepted} accepted, ${kept} kept`;
    result.classList.add(kept === REQUESTS ? "good" : "bad");
  } catch {
    result.textContent = "The server could not be asked. Is your session still alive?";
    result.classList.add("bad");
  }
  button.disabled = false;
}

button.addEventListener("click", burst);
