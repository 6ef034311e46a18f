// The page itself: its head, changing views, keys.

const KEYS = [
  ["/", "search"],
  ["Esc", "leave search, choose nothing"],
  ["g p k m t s", "views"],
  ["← ↑ → ↓", "move in lists and graphs; passes"],
  ["Enter", "open or close a frame"],
  ["+ −  f", "zoom, all of it"],
  ["o c", "open or close all frames"],
  ["Shift + arrows", "pan"],
  ["d", "light or dark"],
  ["?", "this help"],
];

function head() {
  document.title = `${M.name} · graphc`;
  $("name").textContent = M.name;
  $("name").title = M.name;
  const { summary } = M,
    rows = [
      ["parameters", amount(summary.parameters), bytes(summary.parameter_bytes), "less"],
      ["FLOPs", amount(summary.flops), M.condition],
      ["bytes moved", bytes(summary.bytes_moved), ""],
      ["arena", bytes(summary.arena), ""],
      [
        "kernels",
        summary.kernels,
        summary.launches !== summary.kernels ? plural(summary.launches, "launch", "launches") : "",
      ],
      ["values", summary.optimised_nodes, summary.nodes !== summary.optimised_nodes ? `of ${summary.nodes}` : ""],
      ["target", M.target, ""],
    ];
  $("figures").append(
    ...rows.map(([name, value, more, less]) =>
      el("div", {}, el("dt", { text: name }), el("dd", {}, `${value} `, el("small", { class: less, text: more }))),
    ),
  );
}

function setTheme(theme, keep) {
  document.documentElement.dataset.theme = theme;
  readColors();
  if (keep)
    try {
      localStorage.setItem("graphc-theme", theme);
    } catch {
      /* a browser may forbid it for files */
    }
  for (const view of Object.values(views)) {
    if (!view.element) continue;
    view.drawMini?.();
    view.sheet?.draw();
  }
  strip.sheet?.draw();
}

const turnTheme = () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark", true);

function help() {
  if (!$("help").children.length) {
    $("help").append(
      el("h2", { text: "Keys" }),
      el(
        "div",
        { class: "keys" },
        ...KEYS.flatMap(([keys, what]) => [
          el(
            "span",
            {},
            ...keys
              .split(" ")
              .filter(Boolean)
              .map((key) => (key.length < 7 && key !== "arrows" ? el("kbd", { text: key }) : ` ${key} `)),
          ),
          el("span", { text: what }),
        ]),
      ),
      el("p", {
        text: "What is chosen stays chosen from view to view: a value shows its line, its kernel, its memory. The address holds it, so that it can be kept or sent; the browser's back button goes back.",
      }),
      el("p", {
        text: "Double click opens a frame. Wheel or pinch zooms, Shift and wheel goes sideways. A click on a name in code shows all places where it stands.",
      }),
      el("p", {}, el("button", { type: "button", text: "Close", click: () => $("help").close() })),
    );
  }
  $("help").showModal();
}

/** Show what the address asks for. */
function show() {
  readAddress();
  const view = views[S.view];
  if (!view.element) view.build();
  if (!view.element.isConnected) {
    $("middle").replaceChildren(view.element);
    $("outline").replaceChildren(...view.outline);
    for (const tab of $("views").children) {
      tab.setAttribute("aria-selected", tab.dataset.view === S.view);
      tab.tabIndex = tab.dataset.view === S.view ? 0 : -1;
    }
    tip("");
  }
  view.choose();
  if (S.kind) showDetails(S.kind, S.key);
  else showDetails(...(view.shown?.() || ["", ""]));
  strip.choose();
}

function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  const isTyping = event.target.matches?.("input:not([type=range]):not([type=checkbox]), select");
  if (event.key === "Escape") {
    if (isTyping) event.target.blur();
    else if ($("search").value) search.close();
    else choose("", "");
    return;
  }
  if (isTyping) return;
  const view = Object.keys(views).find((name) => views[name].letter === event.key),
    shown = views[S.view];
  if (view) go(view);
  else if (event.key === "/") {
    $("search").focus();
    $("search").select();
  } else if (event.key === "?") help();
  else if (event.key === "d") turnTheme();
  else if ((event.key === "+" || event.key === "=") && shown.zoom) shown.zoom(1.4);
  else if (event.key === "-" && shown.zoom) shown.zoom(1 / 1.4);
  else if (event.key === "f" && shown.fit) shown.fit();
  else if ((event.key === "o" || event.key === "c") && shown.openAll) shown.openAll(event.key === "o");
  else if ((event.key === "ArrowRight" || event.key === "ArrowLeft") && shown.step && event.target.type !== "range")
    shown.step(event.key === "ArrowRight" ? 1 : -1);
  else if (event.key.startsWith("Arrow") && S.view === "graph") shown.key(event);
  else return;
  event.preventDefault();
}

async function start() {
  if (typeof DecompressionStream === "undefined")
    throw new Error("this browser is too old: it cannot unpack the data (DecompressionStream)");
  let theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  try {
    theme = localStorage.getItem("graphc-theme") || theme;
  } catch {
    /* as above */
  }
  setTheme(theme);
  const [model, times] = await Promise.all([unpacked("data-model"), unpacked("data-times")]);
  T = times;
  prepare(model);
  head();
  $("views").append(
    ...Object.entries(views).map(([name, view]) =>
      el(
        "button",
        { type: "button", role: "tab", "data-view": name, "aria-controls": "middle", click: () => go(name) },
        view.title,
        el("kbd", { "aria-hidden": true, text: view.letter }),
      ),
    ),
  );
  $("views").addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key],
      tabs = [...$("views").children];
    if (!by) return;
    const next = tabs[(tabs.indexOf(document.activeElement) + by + tabs.length) % tabs.length];
    next.focus();
    next.click();
    event.stopPropagation();
  });
  search.build();
  strip.build();
  $("theme").addEventListener("click", turnTheme);
  $("help-open").addEventListener("click", help);
  addEventListener("hashchange", show);
  addEventListener("keydown", keys);
  show();
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      performance.mark("shown");
      document.documentElement.dataset.ready = "yes";
    }),
  );
}

start().catch((error) => {
  document.body.append(
    el("p", { class: "trouble", role: "alert", text: `This page cannot be shown: ${error.message}` }),
  );
  console.error(error);
});
