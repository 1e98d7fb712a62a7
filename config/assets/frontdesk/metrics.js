/* Keeps a clinic's live page (templates/admin/metrics/page.html) current: newer numbers in place as
   they are heard, the charts by fetching the page's own part anew. Ages are by the server's clock.
   Without this script the page is as it was loaded. */
import { watch } from "./watching.js";

/* Milliseconds: the charts at most so often, words for screen readers at most so often, and a page
   that nobody sees hangs up after so long. A break that is over within the grace is none. */
const CHARTS_EVERY = 2_000;
const WORDS_EVERY = 5_000;
const HIDDEN_FOR = 60_000;
const GRACE = 6_000;
const PATIENCE = 10_000;

const ASKED = "The PMS is asked: what is new appears here by itself.";

const root = document.querySelector("[data-live-metrics]");
if (root) live(root);

function live(root) {
  const data = root.dataset;
  const states = JSON.parse(data.states);
  const shown = (name) => root.querySelector(`[data-show="${name}"]`);
  const clock = new Intl.DateTimeFormat("en-GB", {
    timeZone: data.zone,
    hour: "2-digit",
    minute: "2-digit",
  });
  const moment = (text) => (text ? Date.parse(text) : null);

  let version = Number(data.version);
  let status = data.status;
  let updated = moment(data.lastUpdated);
  let staleAt = moment(data.staleAt);
  let insightsAt;
  /* What has to be added to our clock to have the server's. */
  let ahead = moment(data.now) - Date.now();
  let isConnected = true;
  let lostAt = 0;
  let trouble = "";
  let triesAt = 0;

  /* --- How current it is --- */

  function tick() {
    const now = Date.now() + ahead;
    const isLost = !isConnected && (trouble || Date.now() - lostAt > GRACE);
    let state = isLost ? "offline" : status;
    if (state === "live" && staleAt && now >= staleAt) state = "stale";
    const [word, sentence] = states[state];
    put("word", word);
    put("sentence", trouble || sentence + (state === "offline" ? ` ${nextTry()}` : ""));
    put("updated", updated ? clock.format(updated) : "never");
    put("age", updated ? `(${ago(now - updated)})` : "");
    const head = root.querySelector("[data-head]");
    if (!head.classList.contains(`fm-${state}`)) {
      for (const each of Object.keys(states)) head.classList.toggle(`fm-${each}`, each === state);
      if (data.state) say("state", word);
      data.state = state;
    }
    head.classList.toggle("fm-following", isConnected && Boolean(data.way));
  }

  function nextTry() {
    const seconds = Math.max(0, Math.round((triesAt - Date.now()) / 1000));
    return seconds ? `The next try is in ${seconds} s.` : "";
  }

  function put(name, text) {
    const one = shown(name);
    if (one.textContent !== text) one.textContent = text;
  }

  /* --- Numbers --- */

  function told(message) {
    if ("lastUpdated" in message) updated = moment(message.lastUpdated);
    if ("staleAt" in message) staleAt = moment(message.staleAt);
    if (updated !== null && message.dataAgeSeconds != null) {
      ahead = updated + 1000 * message.dataAgeSeconds - Date.now();
    }
    if (message.status) status = message.status;
    const numbers = message.metrics ?? message.changed ?? {};
    for (const [name, value] of Object.entries(numbers)) number(name, value);
    const isNew = message.id && message.id !== version;
    const isThought = "insightsAt" in message && message.insightsAt !== insightsAt;
    if (isNew || (isThought && insightsAt !== undefined)) charts();
    if (isThought) insightsAt = message.insightsAt;
    if (message.id) version = message.id;
    tick();
  }

  function number(name, value) {
    const card = root.querySelector(`[data-card="${name}"]`);
    if (!card) return;
    const one = card.querySelector(".fm-number");
    const text = written(card.dataset.kind, value);
    const before = one.textContent;
    if (before === text) return;
    one.textContent = text;
    one.classList.toggle("fm-little", value === null);
    flash(card);
    say(name, `${card.querySelector("h2").textContent}: ${text}, before ${before}`);
  }

  function flash(card) {
    card.classList.remove("fm-changed");
    void card.offsetWidth; /* so that the highlight begins anew */
    card.classList.add("fm-changed");
  }

  /* --- Words of what has just changed, for everybody and for screen readers --- */

  const words = new Map();
  let saidAt = 0;
  let saying = 0;

  function say(name, text) {
    words.set(name, text);
    clearTimeout(saying);
    saying = setTimeout(speak, Math.max(100, saidAt + WORDS_EVERY - Date.now()));
  }

  function speak() {
    saidAt = Date.now();
    put("news", `${clock.format(Date.now() + ahead)} – ${[...words.values()].join("; ")}.`);
    words.clear();
  }

  /* --- The parts that the server draws --- */

  let fetchedAt = 0;
  let fetching = 0;
  let isFetching = false;

  function charts() {
    if (fetching) return;
    fetching = setTimeout(fetchCharts, Math.max(0, fetchedAt + CHARTS_EVERY - Date.now()));
  }

  async function fetchCharts() {
    fetching = 0;
    if (isFetching) return charts();
    isFetching = true;
    fetchedAt = Date.now();
    try {
      const address = `${location.pathname}?period=${data.period}&fragment=numbers`;
      const answer = await fetch(address, {
        redirect: "manual",
        signal: AbortSignal.timeout(PATIENCE),
      });
      if (answer.ok) patch(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      /* The connection says by itself that we are not reached; it asks anew when it is back. */
    }
    isFetching = false;
    return undefined;
  }

  function patch(fresh) {
    for (const part of fresh.querySelectorAll("[data-part]")) {
      const old = root.querySelector(`[data-part="${part.dataset.part}"]`);
      if (!old || old.innerHTML === part.innerHTML) continue;
      const card = part.classList.contains("fm-number") && old.closest("[data-card]");
      if (card) {
        flash(card);
        say(card.dataset.card, `${card.querySelector("h2").textContent}: ${part.textContent}`);
      }
      const focused = old.contains(document.activeElement) && document.activeElement;
      for (const each of old.querySelectorAll("details[open]")) {
        part.querySelector(`[data-details="${each.dataset.details}"]`)?.setAttribute("open", "");
      }
      old.className = part.className;
      old.replaceChildren(...part.childNodes);
      if (focused) old.querySelector(focused.localName)?.focus({ preventScroll: true });
    }
  }

  /* --- Refresh now --- */

  root.querySelector("[data-refresh]")?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    const button = form.querySelector("button");
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    put("outcome", "Asking …");
    try {
      const answer = await fetch(`/api/v1/clinics/${data.clinic}/metrics/refresh`, {
        method: "POST",
        headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
        signal: AbortSignal.timeout(PATIENCE),
      });
      put("outcome", answer.ok ? ASKED : await refusal(answer));
    } catch {
      put("outcome", "Frontdesk is not reached: nothing was asked.");
    }
    button.removeAttribute("aria-disabled");
  });

  async function refusal(answer) {
    const wait = answer.headers.get("Retry-After");
    if (answer.status === 429) return `The PMS was asked a moment ago: try again in ${wait} s.`;
    const { error } = await answer.json();
    const age = error?.fallback_data?.data_age_minutes;
    const last = age == null ? "" : ` The numbers here are of ${ago(60_000 * age)}.`;
    return `${error?.message ?? "That did not work."}${last}`;
  }

  /* --- Whom we listen to --- */

  const line = watch(
    { clinic: data.clinic, period: data.period, version },
    {
      told,
      joined(way) {
        const wasAway = !isConnected;
        isConnected = true;
        data.way = way;
        if (wasAway) charts();
        tick();
      },
      lost(wait) {
        if (isConnected) lostAt = Date.now();
        isConnected = false;
        data.way = "";
        triesAt = Date.now() + wait;
        tick();
      },
      ended(said) {
        isConnected = false;
        data.way = "";
        trouble = said;
        tick();
      },
    },
  );

  let hiding = 0;
  let isPaused = false;
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.visibilityState === "hidden") {
      hiding = setTimeout(() => {
        isPaused = true;
        line.pause();
      }, HIDDEN_FOR);
    } else if (isPaused) {
      isPaused = false;
      line.resume();
      charts();
    }
  });
  window.addEventListener("online", () => line.resume());
  window.addEventListener("pagehide", () => line.pause());
  window.addEventListener("pageshow", (event) => event.persisted && line.resume());

  setInterval(tick, 1000);
  tick();
}

/* The same words as metrics/wording.py has. */
function ago(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  for (const [size, unit] of [[86_400, "d"], [3_600, "h"], [60, "min"]]) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit} ago`;
  }
  return `${seconds} s ago`;
}

function written(kind, value) {
  if (value === null) return "not enough data";
  const digits = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
  const sign = kind === "change" && value !== 0 ? (value > 0 ? "+" : "−") : "";
  const text = sign + digits.format(sign ? Math.abs(value) : value);
  return kind === "number" ? text : `${text}\u202f%`;
}
