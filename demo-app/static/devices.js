// Keeps the list of devices up to date, so that a login or a logout elsewhere shows within seconds.
"use strict";

const list = document.getElementById("device-list");
const EVERY = 2000;

// A button that has the focus must not be replaced under the user's hands.
const isInUse = () => document.hidden || list.contains(document.activeElement);

async function update() {
  const answer = await fetch("/devices", { cache: "no-store" });
  // A login page instead of the list means that this session has ended.
  if (answer.redirected) {
    location.assign("/login?expired=1");
  } else if (answer.ok) {
    const page = await answer.text();
    if (!isInUse()) {
      list.innerHTML = page;
    }
  }
}

setInterval(() => {
  if (!isInUse()) {
    // If the server cannot be reached, the next try may succeed.
    update().catch(() => {});
  }
}, EVERY);
