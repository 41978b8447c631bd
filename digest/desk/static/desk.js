// The desk's own script: keys, dragging, news of changes. Everything it does, forms do without it.
"use strict";
(() => {
  document.documentElement.classList.add("js");
  const $ = (id) => document.getElementById(id);
  const all = (query, from = document) => [...from.querySelectorAll(query)];
  const outline = () => $("outline");
  const stories = () => all("#outline .story");
  const story = () => document.activeElement?.closest?.(".story");
  const summary = (card) => card?.querySelector("summary");
  const writing = (element) => element?.matches?.("input:not([type=checkbox]):not([type=radio]), textarea, select");

  // The frames are as wide as their device, and scaled to the room there is.
  const scale = () => all("iframe[data-wide]").forEach((frame) => {
    const room = frame.parentElement.clientWidth;
    if (room) frame.parentElement.style.setProperty("--scale", Math.min(1, room / frame.dataset.wide));
  });
  new ResizeObserver(scale).observe(document.body);

  // What is open stays open, and what has the focus keeps it, when a part comes anew.
  let open = [], focused = "", wanted = "", draft = null;
  document.addEventListener("htmx:beforeSwap", (event) => {
    const {requestConfig, target} = event.detail;
    if (requestConfig.verb === "get" && target.id !== "outline") return; // other parts hold no words
    if (requestConfig.verb === "get" && (drag || typing())) {
      event.detail.shouldSwap = false; // begun since it was asked for: later, then
      heard = heard || "again";
      return;
    }
    open = all("#outline details[open]").map((one) => one.id);
    focused = document.activeElement?.id || summary(story())?.id || wanted;
    wanted = "";
    draft = typing() ? document.activeElement : null;
  });
  document.addEventListener("htmx:afterSettle", () => {
    open.forEach((id) => $(id)?.setAttribute("open", ""));
    const field = draft && !draft.isConnected && $(draft.id);
    if (field) field.value = draft.value;
    if (document.activeElement === document.body && focused) $(focused)?.focus({preventScroll: true});
    [open, focused, draft] = [[], "", null];
    settle();
  });

  let shown = outline().dataset.mark;
  const settle = () => {
    const mark = outline().dataset.mark;
    if (mark !== shown || $("beside").dataset.mark !== mark) {
      shown = mark;
      reframe(mark);
      if (!document.querySelector(".stage iframe")) restage();
    }
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
  let checking = false;
  const check = () => {
    const beside = $("beside");
    if (checking || beside.dataset.mark === outline().dataset.mark) return;
    checking = true;
    beside.setAttribute("aria-busy", "true");
    const where = `${outline().dataset.here}/beside${location.search}`;
    htmx.ajax("GET", where, {target: "#beside", swap: "outerHTML"}).finally(() => {
      checking = false;
      setTimeout(check, 300); // changed again since it was asked for?
    });
  };
  const restage = () => htmx.ajax("GET", location.href, {target: "#stage", select: "#stage", swap: "outerHTML"});

  // News: somebody else, or a file, changed what is shown.
  let source = null, heard = "", busy = 0, drag = null;
  const typing = () => writing(document.activeElement) && outline().contains(document.activeElement)
    && document.activeElement.value !== document.activeElement.defaultValue;
  const refresh = () => {
    // Not under somebody's hands: what was heard keeps until they let go.
    if (!heard || busy || drag || typing()) return;
    const mark = heard;
    heard = "";
    if (mark === outline().dataset.mark) return;
    if (mark !== "again") reframe(mark);
    htmx.ajax("GET", `${outline().dataset.here}/outline${location.search}`, {target: "#outline", swap: "none"});
  };
  const listen = () => {
    source?.close();
    source = new EventSource(`${outline().dataset.here}/news?seen=${outline().dataset.mark}`);
    source.onmessage = (event) => { heard = event.data; refresh(); };
  };
  document.addEventListener("htmx:beforeRequest", (event) => { if (event.detail.requestConfig.verb === "post") busy += 1; });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.requestConfig.verb !== "post") return;
    busy -= 1;
    setTimeout(refresh, 100);
  });
  document.addEventListener("visibilitychange", () => document.hidden ? source?.close() : listen());
  document.addEventListener("focusout", () => setTimeout(refresh, 400));
  addEventListener("pagehide", () => source?.close());
  listen();

  // One change, by the form that would do it without a script.
  const send = (values) => {
    const form = $("outline").querySelector("form[hx-post]");
    const own = {csrf: form.elements.csrf.value, version: outline().dataset.version};
    return htmx.ajax("POST", form.getAttribute("hx-post"), {target: "#outline", swap: "none", values: {...own, ...values}});
  };
  const move = (card, list, place) => {
    wanted = summary(card).id;
    return send({do: "move", story: card.dataset.story, section: list.dataset.section, place});
  };
  const shift = (card, by) => {
    const place = Number(card.dataset.place) + by;
    if (place >= 1 && place <= card.parentElement.children.length) move(card, card.parentElement, place);
  };
  const across = (card, by) => {
    const lists = all("#outline .cards[data-section]");
    const next = lists[lists.indexOf(card.parentElement) + by];
    if (next) move(card, next, by > 0 ? 1 : next.children.length + 1);
  };

  // Dragging, by mouse, pen or finger.
  document.addEventListener("pointerdown", (event) => {
    const card = event.target.closest?.(".grip")?.closest(".story");
    if (!card || event.button) return;
    event.preventDefault();
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
  });
  const follow = (event) => {
    drag.ghost.style.left = `${event.clientX - drag.x}px`;
    drag.ghost.style.top = `${event.clientY - drag.y}px`;
    const column = outline().getBoundingClientRect();
    const roll = outline().scrollHeight > outline().clientHeight ? outline() : window;
    if (event.clientY < Math.max(0, column.top) + 50) roll.scrollBy(0, -14);
    if (event.clientY > Math.min(innerHeight, column.bottom) - 50) roll.scrollBy(0, 14);
    const under = document.elementFromPoint(event.clientX, event.clientY);
    const list = under?.closest?.(".group")?.querySelector(".cards[data-section]");
    if (!list) return;
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
    else if (list !== from || place !== Number(card.dataset.place)) move(card, list, place);
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
  const write = (id, field) => {
    const details = $(id);
    if (!details) return;
    details.open = true;
    const input = field ? details.querySelector(`[data-field="${field}"]`) : details.querySelector("input:not([type=hidden]), textarea");
    (input || details.querySelector("summary")).focus();
  };
  const press = (card, what) => card?.querySelector(`[data-do="${what}"]`)?.click();
  const pick = (section = "") => {
    const sheet = $("pick");
    sheet.showPopover();
    sheet.dataset.section = section;
    htmx.ajax("GET", `${outline().dataset.here}/candidates`, {target: "#candidates", swap: "innerHTML"})
      .then(() => $("q")?.focus());
  };
  const step = (by) => {
    const known = stories(), at = known.indexOf(story());
    const next = at < 0 ? known[by > 0 ? 0 : known.length - 1] : known[at + by];
    summary(next)?.focus();
    next?.scrollIntoView({block: "nearest"});
  };
  const KEYS = {
    j: () => step(1), k: () => step(-1),
    J: () => story() && shift(story(), 1), K: () => story() && shift(story(), -1),
    "[": () => story() && across(story(), -1), "]": () => story() && across(story(), 1),
    e: () => story() && write(`d-${story().dataset.story}`, "headline"),
    d: () => story() && write(`d-${story().dataset.story}`, "dek"),
    p: () => press(story(), "pin"), x: () => press(story(), "drop"),
    c: () => pick(), "/": () => pick(),
    s: () => write("d-subject"), n: () => write("d-note"),
    t: () => $("test").showPopover(), a: () => $("approve").showPopover(),
    0: () => $("who").showPopover(), "?": () => $("keys").showPopover(),
  };
  document.addEventListener("keydown", (event) => {
    const key = event.key;
    if (key === "Escape" && drag) return drop(event, false);
    if (key === "Escape" && writing(document.activeElement) && outline().contains(document.activeElement)) {
      return summary(document.activeElement.closest("details"))?.focus() ?? document.activeElement.closest("details")?.querySelector("summary")?.focus();
    }
    if (writing(document.activeElement) || document.querySelector(".sheet:popover-open")) return;
    if ((event.ctrlKey || event.metaKey) && key.toLowerCase() === "z") {
      event.preventDefault();
      return $(event.shiftKey ? "do-redo" : "do-undo")?.click();
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const view = document.querySelector(`.stage [data-key="${key}"]`);
    const act = view ? () => view.click() : Object.hasOwn(KEYS, key) ? KEYS[key] : null;
    if (act) { event.preventDefault(); act(); }
  });

  // A finding leads to its place.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-to], [data-open], [data-candidates], [data-close], .flag");
    if (!link) return;
    if (link.matches("[data-close]")) { $("said").className = "silent"; return; }
    if (link.matches("[data-candidates]")) { event.preventDefault(); event.stopPropagation(); pick(link.dataset.candidates); return; }
    if (link.matches(".flag")) { $(link.hash.slice(1))?.scrollIntoView({block: "center"}); event.preventDefault(); return; }
    event.preventDefault();
    if (link.dataset.open) return write(link.dataset.open);
    const card = $(`s-${link.dataset.to}`);
    if (card) { write(`d-${link.dataset.to}`, link.dataset.field); card.scrollIntoView({block: "center"}); }
  }, true);

  // After an act its sheet closes, what was said can be closed, and goes by itself.
  let quiet = 0;
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.requestConfig.verb !== "post") return;
    if (event.detail.successful) all(".sheet:popover-open").forEach((sheet) => sheet.hidePopover());
    clearTimeout(quiet);
  });
  document.addEventListener("htmx:afterSettle", () => {
    all("#said [data-close]").forEach((button) => { button.hidden = false; });
    const preset = $("pick").dataset.section;
    if (preset) all("#candidates select[data-bring]").forEach((one) => { one.value = preset; });
    if (!$("said").querySelector("form") && !$("said").matches(".silent")) {
      clearTimeout(quiet);
      quiet = setTimeout(() => { $("said").className = "silent"; }, 9000);
    }
  });
  scale();
})();
