/* Keeps each element with data-live="ADDRESS" up to date with what that address answers, every
   data-every seconds while the page is visible. Without this script the page is as it was loaded. */
"use strict";

(() => {
  /* An answer that takes longer than this counts as none. */
  const PATIENCE = 10_000;

  function keep(part) {
    const every = 1000 * Number(part.dataset.every);
    const note = document.createElement("p");
    note.className = "fd-quiet fd-live";
    part.before(note);
    let updated = Date.now();
    let asked = updated;
    let trouble = "";
    let busy = false;

    function tell() {
      const age = Math.round((Date.now() - updated) / 1000);
      note.textContent = (trouble ? trouble + " " : "") + "Updated " + age + " s ago.";
      note.classList.toggle("fd-bad", trouble !== "");
    }

    function show(html) {
      const focused = part.contains(document.activeElement) && document.activeElement;
      const fresh = new DOMParser().parseFromString(html, "text/html");
      part.replaceChildren(...fresh.body.childNodes);
      if (!focused) return;
      /* Whoever walks through the links by keyboard stays where they were. */
      const same = [...part.querySelectorAll("a")].find(
        (link) => link.getAttribute("href") === focused.getAttribute("href"),
      );
      same?.focus({ preventScroll: true });
    }

    async function refresh() {
      if (busy) return;
      busy = true;
      asked = Date.now();
      try {
        const answer = await fetch(part.dataset.live, {
          redirect: "manual",
          signal: AbortSignal.timeout(PATIENCE),
        });
        if (answer.type === "opaqueredirect") {
          trouble = "You are logged out: load the page again.";
        } else if (!answer.ok) {
          trouble = "Frontdesk cannot answer now (" + answer.status + ").";
        } else {
          show(await answer.text());
          updated = Date.now();
          trouble = "";
        }
      } catch {
        trouble = "Offline: Frontdesk is not reached.";
      }
      busy = false;
      tell();
    }

    function tick() {
      if (document.visibilityState !== "visible") return;
      tell();
      if (Date.now() - asked >= every) refresh();
    }

    setInterval(tick, 1000);
    document.addEventListener("visibilitychange", tick);
    tell();
  }

  document.querySelectorAll("[data-live]").forEach(keep);
})();
