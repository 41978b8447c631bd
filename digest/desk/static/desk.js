// The desk's own script: keys, dragging, saving, news of changes. Everything it does, forms do
// without it. It may be waited for: no answer, however late, takes away what hands are at.
"use strict";
(() => {
  document.documentElement.classList.add("js");
  const $ = (id) => document.getElementById(id);
  const all = (query, from = document) => [...from.querySelectorAll(query)];
  const outline = () => $("outline");
  const here = () => outline().dataset.here;
  const lists = () => all("#outline .cards[data-section]");
  const stories = () => all("#outline .story");
  const story = () => document.activeElement?.closest?.("#outline .story");
  const summary = (card) => card?.querySelector("summary");
  const handle = (card) => summary(card) || card?.querySelector("button"); // what has a focus by keys
  const writing = (element) => element?.matches?.("input:not([type=checkbox]):not([type=radio]), textarea, select");
  const sheet = () => document.querySelector(".sheet:popover-open");
  // What was typed and is not yet on its way.
  const drafts = () => all("#outline [data-saves] [name=text]").filter((one) => one.value !== one.defaultValue);

  // The frames are as wide as their device, and scaled to the room there is.
  const scale = () => all("iframe[data-wide]").forEach((frame) => {
    const room = frame.parentElement.clientWidth;
    if (room) frame.parentElement.style.setProperty("--scale", Math.min(1, room / frame.dataset.wide));
  });
  new ResizeObserver(scale).observe(document.body);

  // The outline comes anew as one left it: what is open stays open, what has the focus keeps it,
  // what was typed stays, and the place to which it was scrolled.
  let left = null;
  const leave = () => {
    const at = document.activeElement;
    left = {
      open: all("#outline details[open]").map((one) => one.id),
      drafts: drafts().map((one) => ({id: one.id, value: one.value})),
      inside: outline().contains(at),
      id: at.id,
      card: story()?.id,
      act: at.dataset?.do,
      within: at.closest("details")?.id,
      place: stories().indexOf(story()),
      chosen: writing(at) && "selectionStart" in at ? [at.selectionStart, at.selectionEnd] : null,
      top: outline().scrollTop,
    };
  };
  const comeBack = () => {
    if (!left) return;
    const {open, drafts: typed, inside, id, card, act, within, place, chosen, top} = left;
    left = null;
    open.forEach((one) => $(one)?.setAttribute("open", ""));
    typed.forEach((one) => { if ($(one.id)) $(one.id).value = one.value; });
    outline().scrollTop = top;
    if (inside || document.activeElement === document.body) {
      const button = act && $(card)?.querySelector(`[data-do="${act}"]:not([disabled])`);
      const next = $(id) || button || summary($(card)) || summary($(within))
        || (place >= 0 && summary(stories()[Math.min(place, stories().length - 1)]));
      if (next) next.focus({preventScroll: true});
      if (chosen && next?.id === id) try { next.setSelectionRange(...chosen); } catch { /* has none */ }
    }
    settle();
  };

  // What comes for a part. An older answer never takes the place of a newer one; while more is on
  // its way, the last answer brings all; what comes for what is in somebody's hands waits.
  const waiting = new Map();
  let arrived = 0, barred = ""; // the button of the bar that had the focus: nothing is left to undo
  const mustWait = (part) => (part.id === "outline" && drag)
    || (part.closest(".sheet:popover-open") && (part.id !== "approving" || agreed));
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const {target, fragment} = event.detail, next = fragment.firstElementChild;
    if (target.id === "outline" || target.id === "bar") {
      const its = Number(next.dataset.version);
      if (target.id === "outline") arrived = its;
      if (its < version || queue.length) { event.detail.shouldSwap = false; return; }
    }
    waiting.delete(target.id);
    if (target.id === "bar") barred = target.contains(document.activeElement) && document.activeElement.id;
    if (mustWait(target)) {
      waiting.set(target.id, next);
      event.detail.shouldSwap = false;
    } else if (target.id === "outline") {
      version = arrived;
      leave();
    }
  });
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target.id === "outline") comeBack();
    if (event.detail.target.id === "bar" && $(barred)?.disabled) {
      $("bar").querySelector("form button:not([disabled]), #open-keys").focus();
    }
    if (document.activeElement === document.body && sheet()) enter(sheet());
  });
  const release = (within) => waiting.forEach((next, id) => {
    if (!within.contains($(id))) return;
    waiting.delete(id);
    if (id === "outline") { version = Math.max(version, Number(next.dataset.version)); leave(); }
    $(id).replaceWith(next);
    htmx.process(next);
    if (id === "outline") comeBack();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const {requestConfig, target} = event.detail;
    if (requestConfig.verb !== "get" || target.id !== "outline" || !handsOn()) return;
    event.detail.shouldSwap = false; // begun since it was asked for: later, then
    heard = heard || "again";
  });
  const spoken = (event) => ["word", "asked"].includes(event.detail.target?.id) && speak();
  document.addEventListener("htmx:oobAfterSwap", spoken);
  document.addEventListener("htmx:afterSwap", spoken);
  document.addEventListener("htmx:afterSettle", () => { settle(); preset(); lookLeft(); });
  // What was left out is looked for where it is open, and again when the outline came anew.
  const lookLeft = () => {
    if ($("d-left")?.open && !$("left").querySelector(".cards")) htmx.trigger("#left", "look");
  };
  document.addEventListener("toggle", (event) => event.target.id === "d-left" && lookLeft(), true);

  let shown = outline().dataset.mark;
  const settle = () => {
    const mark = outline().dataset.mark;
    if (mark !== shown || $("beside").dataset.mark !== mark) {
      shown = mark;
      reframe(mark);
      if (!document.querySelector(".stage iframe")) restage();
    }
    judge();
    scale();
  };
  // The mail first, for it is looked at; then what stands against it.
  const reframe = (mark) => {
    const mail = mark.split(".")[0];
    const loads = all(".stage iframe").map((frame) => {
      const next = frame.getAttribute("src").replace(/([?&]v=)\w*/, `$1${mail}`);
      if (next === frame.getAttribute("src")) return null;
      return new Promise((loaded) => {
        frame.addEventListener("load", loaded, {once: true});
        frame.setAttribute("src", next);
      });
    });
    const patience = new Promise((go) => setTimeout(go, 3000));
    Promise.race([Promise.all(loads), patience]).then(check);
  };
  // Each kind of request has an element of its own, for htmx makes those of one element wait for
  // each other: an edit waits for edits alone.
  const ask = (path, source, how) => htmx.ajax("GET", path, {source, ...how});
  let checking = false;
  const check = () => {
    const beside = $("beside");
    if (out || checking || beside.dataset.mark === outline().dataset.mark) return;
    checking = true;
    beside.setAttribute("aria-busy", "true");
    const open = all("details[open]", beside).map((one) => one.id);
    let again = 300;
    ask(`${here()}/beside${location.search}`, "#sheets", {target: "#beside", swap: "outerHTML"})
      .then(() => open.forEach((one) => $(one)?.setAttribute("open", "")))
      .catch(() => { again = 3000; })
      .finally(() => {
        checking = false;
        setTimeout(check, again); // changed again since it was asked for?
      });
  };
  const restage = () => ask(location.href, "#stage", {target: "#stage", select: "#stage", swap: "outerHTML"}).catch(() => {});

  // News: somebody else, or a file, changed what is shown.
  let source = null, heard = "", drag = null;
  const handsOn = () => drag || sending || queue.length || drafts().length;
  const refresh = () => {
    // Not under somebody's hands: what was heard keeps until they let go.
    if (!heard || out || handsOn()) return;
    const mark = heard;
    heard = "";
    if (mark === outline().dataset.mark) return;
    if (mark !== "again") reframe(mark);
    ask(`${here()}/outline${location.search}`, "main", {target: "#outline", swap: "none"})
      .catch(() => { heard = heard || "again"; });
  };
  const listen = () => {
    source?.close();
    source = new EventSource(`${here()}/news?seen=${outline().dataset.mark}`);
    source.onopen = () => { work(); refresh(); };
    source.onmessage = (event) => { heard = event.data; refresh(); };
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) source?.close(); else if (out) back(); else listen();
  });
  document.addEventListener("focusout", () => setTimeout(refresh, 400));
  addEventListener("pagehide", () => source?.close());
  addEventListener("beforeunload", (event) => { if (sending || queue.length || drafts().length) event.preventDefault(); });

  // A login that ends takes nothing away: what was done waits until somebody has logged in again,
  // in another tab, and is sent with the mark that forms have of that login.
  let out = false, again = 0;
  const anew = async () => { // nothing is swapped: hands may be at it
    const answer = await fetch(`${here()}/outline`, {headers: {"HX-Request": "true"}}).catch(() => null);
    if (!answer?.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const {csrf} = page.getElementById("outline").dataset;
    all("input[name=csrf]").forEach((one) => { one.value = csrf; });
    outline().dataset.csrf = csrf;
    out = false;
    $("out").hidden = true;
  };
  const back = async () => {
    clearTimeout(again);
    if (!out || document.hidden) return; // it is asked again when it is looked at
    again = setTimeout(back, 3000);
    await anew();
    if (out) return;
    clearTimeout(again);
    listen();
    check();
    work();
  };
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    if (event.detail.xhr.status !== 401) return;
    event.preventDefault(); // it would lead to the login, and away from what was done
    if (out) return;
    out = true;
    source?.close();
    $("out").hidden = false;
    speak();
    again = setTimeout(back, 3000);
  });

  // Changes go one after the other. Each says which version of the issue was seen when it was
  // made; where those before it were our own, that is the one they led to.
  const queue = [];
  let sending = false, version = Number(outline().dataset.version), status = 0;
  const send = (values, failed = () => {}) => { queue.push({values, failed, version}); work(); };
  const work = async () => {
    if (out || sending || !queue.length) return;
    sending = true;
    const act = queue.shift(), mark = outline().dataset.csrf;
    const values = {...act.values, csrf: outline().dataset.csrf, version: act.version};
    arrived = act.version;
    try {
      await htmx.ajax("POST", `${here()}/edit${location.search}`, {source: "body", target: "#outline", swap: "none", values});
    } catch { status = 0; }
    // Refused under the mark of an earlier login: another tab has logged in since.
    if (status === 403) await anew();
    const kept = [0, 401].includes(status) || (status === 403 && mark !== outline().dataset.csrf);
    if (kept) queue.unshift(act);
    sending = false;
    if (kept && status) return work();
    if (kept) {
      say("The desk does not answer. What you did is kept, and sent when it answers.");
      setTimeout(work, 3000);
      return;
    }
    if (status < 400) {
      queue.filter((one) => one.version === act.version).forEach((one) => { one.version = arrived; });
      version = Math.max(version, arrived);
    } else if (status !== 409) {
      act.failed();
      heard = heard || "again";
    }
    work();
    setTimeout(refresh, 100);
  };
  const save = (form, button) => {
    const field = form.matches("[data-saves]") ? form.elements.text : null;
    const was = field?.defaultValue;
    if (field && field.value === was) return;
    const card = form.closest(".story, .entry"), way = {up: -1, down: 1}[button?.dataset.do];
    if (way) return shift(card, way, button);
    const values = Object.fromEntries(new FormData(form, button));
    if (field) field.defaultValue = field.value;
    form.closest(".sheet")?.hidePopover();
    if (form.closest(".question")) answered(form);
    if (values.do === "drop" && card) takeOut(card);
    send(values, () => { if (field) field.defaultValue = was; });
  };
  document.addEventListener("submit", (event) => {
    if (!event.target.getAttribute("action")?.startsWith(`${here()}/edit`)) return;
    event.preventDefault();
    save(event.target, event.submitter);
    // Who has written goes on by keys: what is typed next is no longer the field's.
    if (event.target.matches("[data-saves]")) summary(event.target.closest("details"))?.focus({preventScroll: true});
  });
  document.addEventListener("change", (event) => {
    // A browser says so, too, of a field that is taken out of the page while one writes in it.
    const form = event.target.form;
    if (!left && form?.matches("[data-saves]")) save(form);
    if ("alt" in event.target.dataset) form.elements.alt.value = event.target.dataset.alt;
  });
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.verb === "post") event.detail.parameters.csrf = outline().dataset.csrf;
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const {xhr, elt, requestConfig} = event.detail;
    if (requestConfig.verb !== "post") return;
    status = xhr.status;
    if (elt === document.body) return;
    if (status === 0) say("The desk does not answer. Nothing was done; try it again.");
    if (status === 403) anew();
    if (status && status < 400) elt.closest(".sheet")?.hidePopover(); // its own, and no other
    setTimeout(refresh, 100);
  });

  // A story is moved on the page at once, and then in the issue.
  const number = () => lists().forEach((list) => [...list.children].forEach((one, at) => { one.dataset.place = at + 1; }));
  const move = (card, list, place, focus = summary(card)) => {
    const others = [...list.children].filter((one) => one !== card);
    list.insertBefore(card, others[place - 1] || null);
    number();
    focus.focus({preventScroll: true});
    card.scrollIntoView({block: "nearest"});
    send({do: "move", story: card.dataset.story, section: list.dataset.section, place});
  };
  const bound = (card, list) => card.matches(".bare") && list !== card.closest(".cards");
  const shift = (card, by, focus) => {
    const place = Number(card.dataset.place) + by;
    if (place >= 1 && place <= card.parentElement.children.length) move(card, card.parentElement, place, focus);
  };
  const across = (card, by) => {
    const next = lists()[lists().indexOf(card.parentElement) + by];
    if (next && bound(card, next)) return say("There is no article behind this headline: it can stand in Trending alone.");
    if (next) move(card, next, by > 0 ? 1 : next.children.length + 1);
  };
  const takeOut = (card) => {
    const next = card.nextElementSibling || card.previousElementSibling || stories().find((one) => one !== card);
    handle(next)?.focus({preventScroll: true});
    card.remove();
    number();
  };

  // Dragging, by mouse, pen or finger.
  document.addEventListener("pointerdown", (event) => {
    const card = event.target.closest?.(".grip")?.closest(".story");
    if (!card || event.button) return;
    event.preventDefault();
    if (writing(document.activeElement)) document.activeElement.blur(); // saves it
    const box = card.getBoundingClientRect();
    const ghost = card.cloneNode(true);
    ghost.removeAttribute("id");
    ghost.querySelector("details").removeAttribute("open");
    ghost.className = "card ghost";
    ghost.style.width = `${box.width}px`;
    document.body.append(ghost);
    card.classList.add("held");
    document.body.classList.add("dragging");
    drag = {card, ghost, x: event.clientX - box.left, y: event.clientY - box.top, from: card.parentElement, next: card.nextElementSibling};
    follow(event);
    requestAnimationFrame(roll);
  });
  // A hand that keeps still at the edge of the column rolls it, too.
  const roll = () => {
    if (!drag) return;
    const column = outline().getBoundingClientRect(), {clientY} = drag.at;
    const rolls = outline().scrollHeight > outline().clientHeight ? outline() : window;
    const by = clientY < Math.max(0, column.top) + 50 ? -7 : clientY > Math.min(innerHeight, column.bottom) - 50 ? 7 : 0;
    if (by) { rolls.scrollBy(0, by); follow(drag.at); }
    requestAnimationFrame(roll);
  };
  const follow = (event) => {
    drag.at = {clientX: event.clientX, clientY: event.clientY};
    drag.ghost.style.left = `${event.clientX - drag.x}px`;
    drag.ghost.style.top = `${event.clientY - drag.y}px`;
    const under = document.elementFromPoint(event.clientX, event.clientY);
    const list = under?.closest?.(".group")?.querySelector(".cards[data-section]");
    if (!list || bound(drag.card, list)) return;
    const before = [...list.children].find((other) => other !== drag.card
      && event.clientY < other.getBoundingClientRect().top + other.getBoundingClientRect().height / 2);
    if (before) list.insertBefore(drag.card, before); else list.append(drag.card);
  };
  const drop = (event, keep) => {
    if (!drag) return;
    const {card, ghost, from, next} = drag;
    drag = null;
    ghost.remove();
    card.classList.remove("held");
    document.body.classList.remove("dragging");
    const list = card.parentElement;
    const place = [...list.children].indexOf(card) + 1;
    if (!keep) from.insertBefore(card, next);
    else if (list !== from || place !== Number(card.dataset.place)) {
      waiting.delete("outline"); // the answer to this move brings all
      return move(card, list, place);
    }
    release(document.body);
    refresh();
  };
  document.addEventListener("pointermove", (event) => drag && follow(event));
  document.addEventListener("pointerup", (event) => drop(event, true));
  document.addEventListener("pointercancel", (event) => drop(event, false));

  // Lengths while one writes.
  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-counts]")) return;
    const count = event.target.closest(".field").querySelector(".count");
    const length = [...event.target.value].length;
    count.textContent = `${length} / ${count.dataset.limit}`;
    count.classList.toggle("over", length > Number(count.dataset.limit));
  });

  // Keys.
  const write = (id, field, whole = false) => {
    const details = $(id);
    if (!details) return;
    details.open = true;
    const input = field ? details.querySelector(`[data-field="${field}"]`) : details.querySelector("input:not([type=hidden]), textarea");
    (input || details.querySelector("summary")).focus();
    if (whole) input?.select(); // one writes another, or goes on from its end
  };
  const press = (card, what) => card?.querySelector(`[data-do="${what}"]`)?.click();
  const pick = (section = "") => {
    $("pick").dataset.section = section;
    $("q").value = "";
    open("pick");
    htmx.trigger("#pick .search", "submit");
  };
  const preset = () => {
    const section = $("pick").dataset.section;
    if (section) all("#found select[data-bring]").forEach((one) => { one.value = section; });
  };
  const step = (by) => { // through the stories, and on through those left out where they are shown
    const known = all("#outline .story, #outline .entry, #waiting > details, #left .out");
    const at = known.indexOf(document.activeElement?.closest?.(".story, .entry, #waiting > details, .out"));
    const next = at < 0 ? known[by > 0 ? 0 : known.length - 1] : known[at + by];
    handle(next)?.focus();
    next?.scrollIntoView({block: "nearest"});
  };
  const KEYS = {
    j: () => step(1), k: () => step(-1),
    J: () => story() && shift(story(), 1), K: () => story() && shift(story(), -1),
    "[": () => story() && across(story(), -1), "]": () => story() && across(story(), 1),
    e: () => story() && write(`d-${story().dataset.story}`, "headline", true),
    d: () => story() && write(`d-${story().dataset.story}`, "dek", true),
    p: () => press(story(), "pin"), x: () => press(document.activeElement.closest("#outline .story, #outline .entry"), "drop"),
    c: () => pick(), "/": () => pick(), l: () => { write("d-left"); $("d-left")?.scrollIntoView(); },
    s: () => write("d-subject"), n: () => write("d-note"),
    t: () => open("test"), a: () => open("approve"),
    0: () => open("who"), "?": () => open("keys"),
  };
  document.addEventListener("keydown", (event) => {
    const key = event.key, at = document.activeElement;
    if (key === "Escape" && drag) return drop(event, false);
    // A browser would but empty the field of a search, and close its sheet the next time.
    if (key === "Escape" && at.type === "search") return sheet()?.hidePopover();
    if (key === "Escape" && writing(at) && outline().contains(at)) return at.closest("details")?.querySelector("summary").focus();
    if (key === "Enter" && (event.ctrlKey || event.metaKey) && at.matches("[data-saves] textarea")) {
      event.preventDefault();
      return at.form.requestSubmit();
    }
    if (writing(at) || sheet()) return;
    if ((event.ctrlKey || event.metaKey) && key.toLowerCase() === "z") {
      event.preventDefault();
      return send({do: event.shiftKey ? "redo" : "undo"});
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const view = document.querySelector(`.stage [data-key="${key}"]`);
    const act = view ? () => view.click() : Object.hasOwn(KEYS, key) ? KEYS[key] : null;
    if (act) { event.preventDefault(); act(); }
  });

  // A finding leads to its place.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-to], [data-open], [data-candidates], [data-close], .flag, .again");
    if (!link) return;
    if (link.matches("[data-close]")) {
      const question = link.closest(".question");
      return question ? answered(question.querySelector("form")) : hush(link.matches(":focus"));
    }
    if (link.matches(".again")) { agreed = false; release($("approve")); judge(); enter($("approve")); return check(); }
    event.preventDefault();
    if (link.matches("[data-candidates]")) { event.stopPropagation(); return pick(link.dataset.candidates); }
    if (link.matches(".flag")) return $(link.hash.slice(1))?.scrollIntoView({block: "center"});
    if (link.dataset.open) return write(link.dataset.open);
    const card = $(`s-${link.dataset.to}`);
    if (card) { write(`d-${link.dataset.to}`, link.dataset.field); card.scrollIntoView({block: "center"}); }
  }, true);

  // Sheets: the focus goes in, and back to where it came from.
  let agreed = false, before = null;
  const open = (id) => { $(id).showPopover(); enter($(id)); };
  const whence = (one) => { // where the focus was, though the outline has come anew since
    if (!one || one === document.body) return null;
    return one.isConnected ? one : $(one.id) || summary($(one.closest("details")?.id));
  };
  const enter = (one) => {
    if (one.contains(document.activeElement)) return;
    (one.querySelector("input:not([type=hidden]), button.go:not([disabled])") || one).focus();
  };
  document.addEventListener("beforetoggle", (event) => {
    if (!event.target.matches(".sheet") || event.newState !== "open") return;
    before = document.activeElement;
    if (event.target.id === "approve") { agreed = false; setTimeout(judge); }
  }, true);
  document.addEventListener("toggle", (event) => {
    if (!event.target.matches(".sheet")) return;
    if (event.newState === "open") return enter(event.target);
    agreed = false;
    release(event.target);
    judge();
    check();
    refresh();
    const at = document.activeElement; // may be in the sheet still, though nobody sees it
    if (sheet() || (at !== document.body && !event.target.contains(at))) return;
    (whence(before) || $(`open-${event.target.id}`))?.focus({preventScroll: true});
  }, true);
  // What one approves is what one has looked at: a content that came later asks to be looked at.
  const judge = () => {
    const form = $("approving"), go = form.querySelector(".go");
    const same = form.dataset.mark === outline().dataset.mark;
    agreed = $("approve").matches(":popover-open") && (agreed || same);
    const said = same ? "" : agreed ? "It has changed since you opened this." : "It has changed, and is being checked.";
    if (form.querySelector(".stale").textContent !== said) form.querySelector(".stale").textContent = said;
    form.querySelector(".again").hidden = same || !agreed;
    go.disabled = !same || "refused" in go.dataset;
  };

  // What is said stands above all sheets, can be closed, and goes by itself.
  let quiet = 0;
  const hush = (focused) => {
    $("word").className = "silent";
    if (focused === true) summary(outline()).focus({preventScroll: true});
  };
  // A question that is answered or closed: on to what it was about.
  const answered = (form) => {
    const {do: what, story: about} = form.elements;
    form.closest(".question").remove();
    const place = [about, what].map((one) => summary($(`d-${one?.value}`))).find((one) => one);
    (place || summary(outline())).focus({preventScroll: true});
  };
  const say = (what) => {
    $("word").replaceChildren(Object.assign(document.createElement("b"), {textContent: what}));
    $("word").className = "";
    speak();
  };
  const speak = () => {
    all("#said [data-close]").forEach((button) => { button.hidden = false; });
    if (sheet()) { $("said").hidePopover(); $("said").showPopover(); }
    clearTimeout(quiet);
    quiet = setTimeout(hush, 9000);
  };
  $("said").popover = "manual";
  $("said").showPopover();

  document.addEventListener("dragstart", (event) => drag && event.preventDefault());
  listen();
  judge();
  scale();
})();
