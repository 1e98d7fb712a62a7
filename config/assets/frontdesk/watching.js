/* Hears of a clinic's newer numbers: by a WebSocket, else by server-sent events, else by asking
   again and again. It goes on after every break, from the last number of a message that it heard. */

const WAYS = [socket, stream, poll];
/* Milliseconds. A message comes every 15 s at the latest: who is silent for longer is gone. */
const SILENCE = 40_000;
const POLL_EVERY = 5_000;
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;
/* After so many tries in a row without a message, the next way is tried; and after so long on a
   lesser way the best one again. */
const TRIES = 2;
const BETTER_AFTER = 300_000;
/* Refusals that no waiting mends. */
const LOGGED_OUT = "You are logged out: load the page again.";
const ENDED = new Set(["not_authenticated", "login_expired", "login_ended"]);
const NOT_YOURS = "You may no longer see this clinic's numbers.";

/* `page` has clinic, period and version; `hears` has told(message), joined(way), lost(milliseconds
   until the next try) and ended(words). */
export function watch(page, hears) {
  const me = { page, version: page.version, way: 0, failures: 0, stop: null, timer: 0, watchdog: 0 };
  let isOver = false;

  function connect() {
    hangUp();
    if (isOver) return;
    let heard = false;
    const began = Date.now();
    const current = {};
    me.current = current;
    const line = {
      told(message) {
        if (me.current !== current) return;
        if (!heard) hears.joined(WAYS[me.way].name);
        heard = true;
        me.failures = 0;
        listen();
        if (message.id) me.version = message.id;
        hears.told(message);
        if (me.way > 0 && Date.now() - began > BETTER_AFTER) {
          me.way = 0;
          connect();
        }
      },
      lost(atLeast = 0) {
        if (me.current !== current) return;
        hangUp();
        me.failures += 1;
        if (!heard && me.failures % TRIES === 0) me.way = (me.way + 1) % WAYS.length;
        const doubled = Math.floor((me.failures - 1) / TRIES);
        const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** doubled);
        /* Not all at once, when a server comes back. */
        later(Math.max(atLeast, wait * (0.5 + Math.random() / 2)));
      },
      ended(words) {
        if (me.current !== current) return;
        isOver = true;
        hangUp();
        hears.ended(words);
      },
    };
    function listen() {
      clearTimeout(me.watchdog);
      me.watchdog = setTimeout(() => line.lost(), SILENCE);
    }
    listen();
    me.stop = WAYS[me.way](me, line);
  }

  function later(wait) {
    hears.lost(wait);
    me.timer = setTimeout(connect, wait);
  }

  function hangUp() {
    clearTimeout(me.timer);
    clearTimeout(me.watchdog);
    me.current = null;
    me.stop?.();
    me.stop = null;
  }

  connect();
  return { pause: hangUp, resume: connect };
}

function socket(me, line) {
  const address = new URL(`/ws/clinics/${me.page.clinic}/metrics`, location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  address.search = new URLSearchParams({ period: me.page.period, last_id: me.version });
  const one = new WebSocket(address);
  one.onmessage = (event) => {
    const message = JSON.parse(event.data);
    /* The closing that follows tells as much. */
    if (message.type !== "error") line.told(message);
  };
  one.onclose = (event) => {
    if (event.code === 4401) line.ended(LOGGED_OUT);
    else if (event.code === 4403) line.ended(NOT_YOURS);
    else line.lost(event.code === 4429 ? LONGEST_WAIT : 0);
  };
  return () => one.close();
}

function stream(me, line) {
  const query = new URLSearchParams({ period: me.page.period, last_id: me.version });
  const one = new EventSource(`${rest(me)}/stream?${query}`);
  const told = (event) => line.told(JSON.parse(event.data));
  for (const type of ["snapshot", "update", "heartbeat"]) one.addEventListener(type, told);
  one.addEventListener("error", (event) => {
    /* The server's own word before it ends, or a break. It would come back by itself, but with all
       others at the same time. */
    const code = event.data ? JSON.parse(event.data).code : "";
    if (ENDED.has(code)) line.ended(LOGGED_OUT);
    else if (code === "permission_denied") line.ended(NOT_YOURS);
    else line.lost(code.startsWith("too_many") ? LONGEST_WAIT : 0);
  });
  return () => one.close();
}

function poll(me, line) {
  const control = new AbortController();
  let tag = "";
  let timer = 0;
  async function ask() {
    try {
      const answer = await fetch(`${rest(me)}?period=${me.page.period}`, {
        headers: tag ? { "If-None-Match": tag } : {},
        cache: "no-store",
        signal: AbortSignal.any([control.signal, AbortSignal.timeout(2 * POLL_EVERY)]),
      });
      if (answer.status === 401) return line.ended(LOGGED_OUT);
      if (answer.status === 403 || answer.status === 404) return line.ended(NOT_YOURS);
      if (answer.status === 304) {
        line.told({ type: "heartbeat" });
      } else if (answer.ok) {
        tag = answer.headers.get("ETag") ?? "";
        const body = await answer.json();
        line.told({ ...body, type: "snapshot", id: body.version });
      } else {
        return line.lost(1000 * (Number(answer.headers.get("Retry-After")) || 0));
      }
      timer = setTimeout(ask, POLL_EVERY);
    } catch {
      line.lost();
    }
    return undefined;
  }
  ask();
  return () => {
    clearTimeout(timer);
    control.abort();
  };
}

function rest(me) {
  return `/api/v1/clinics/${me.page.clinic}/metrics`;
}
