// Two panes that send their requests at once; then the server is asked which of them the session has kept.
"use strict";

const button = document.getElementById("run-burst");
const panes = document.getElementById("panes");
const result = document.getElementById("burst-result");
const counter = document.getElementById("counter");

const REQUESTS = Number(button.dataset.requests);
const PROBLEMS = {
  403: "This page is older than your login. Reload it and try again.",
  409: "Your session ended meanwhile. Nothing was kept.",
  413: "Your session is full. Press “Start over” to make room.",
  503: "Sessions cannot be reached right now. Try again in a moment.",
};

// Two tabs must not share a name, so that each finds its own entries again.
const tab = Array.from(crypto.getRandomValues(new Uint8Array(4)), (byte) => byte.toString(16).padStart(2, "0")).join("");

const cells = [];
for (const name of ["Left pane", "Right pane"]) {
  const pane = panes.appendChild(document.createElement("div"));
  pane.className = "pane";
  pane.appendChild(document.createElement("h3")).textContent = name;
  const grid = pane.appendChild(document.createElement("div"));
  grid.className = "cells";
  for (let n = 0; n < REQUESTS / 2; n += 1) {
    cells.push(grid.appendChild(document.createElement("i")));
  }
}

let bursts = 0;

class Problem extends Error {}

// A login page instead of the answer means that nobody is logged in any more.
function checked(answer) {
  if (answer.redirected) {
    location.assign("/login?expired=1&next=%2Ftabs");
    throw new Problem("Your session has ended.");
  }
  if (!answer.ok) {
    throw new Problem(PROBLEMS[answer.status] ?? "Something broke on the server.");
  }
  return answer;
}

async function write(n, burst) {
  cells[n].className = "sent";
  const answer = await fetch("/tabs/write", {
    method: "POST",
    headers: { "X-CSRF-Token": button.dataset.csrf },
    body: new URLSearchParams({ tab, burst, n }),
  });
  checked(answer);
  cells[n].className = "accepted";
}

async function run() {
  bursts += 1;
  const burst = String(bursts);
  // Alternating, so that both panes begin at the same moment.
  const order = cells.map((_, n) => (n % 2 === 0 ? n / 2 : (n - 1) / 2 + REQUESTS / 2));
  const answers = await Promise.allSettled(order.map((n) => write(n, burst)));
  const failed = answers.filter((answer) => answer.status === "rejected");
  if (failed.length === REQUESTS) {
    cells.forEach((cell) => {
      cell.className = "lost";
    });
    throw failed[0].reason;
  }
  const answer = await fetch("/tabs/state?" + new URLSearchParams({ tab, burst }));
  const state = await checked(answer).json();
  const kept = new Set(state.kept);
  cells.forEach((cell, n) => {
    cell.className = kept.has(n) ? "kept" : "lost";
  });
  counter.textContent = state.counter;
  result.textContent = `${REQUESTS} sent, ${REQUESTS - failed.length} accepted, ${kept.size} kept`;
  if (failed.length > 0 && failed[0].reason instanceof Problem) {
    result.textContent += `. ${failed[0].reason.message}`;
  }
  result.classList.add(kept.size === REQUESTS ? "good" : "bad");
}

// Without this script the button would do nothing.
button.hidden = false;
button.addEventListener("click", async () => {
  button.disabled = true;
  result.className = "result";
  result.textContent = "";
  try {
    await run();
  } catch (error) {
    result.textContent = error instanceof Problem ? error.message : "The server could not be asked. Is it running?";
    result.classList.add("bad");
  }
  button.disabled = false;
});
