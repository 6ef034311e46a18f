// The passes: a slider over what each of them made of the graph's text, and what it changed beside it.

views.passes = {
  title: "Passes",
  letter: "p",
  isWhole: false,
  at: -1,

  build() {
    this.changing = M.passes.map((pass, k) => (pass[3] ? k : -1)).filter((k) => k >= 0);
    this.every = !this.changing.length;
    this.longest = largest(T.passes, 1e-9);
    this.range = el("input", {
      type: "range",
      min: 0,
      "aria-label": "Pass",
      input: () => this.pick(+this.range.value),
    });
    this.count = el("output");
    this.title_ = el("h2");
    this.note = el("span", { class: "note" });
    this.modes = tabs("What is shown", ["Changes", "Whole text"], (mode) => {
      this.isWhole = mode === 1;
      this.fill();
    });
    this.code = new Code("The graph's text", "ir");
    this.code.named = (name) => this.followName(name);
    this.element = el(
      "div",
      { class: "view" },
      toolbar([
        button("‹", "Pass before (←)", () => this.step(-1)),
        button("›", "Next pass (→)", () => this.step(1)),
        el("div", { class: "slider" }, this.range, this.count),
        this.modes,
      ]),
      toolbar([this.title_, this.note], codeTools(this.code)),
      this.code.element,
    );
    this.list = new List(
      "Passes",
      (k, row) => this.row(k, row),
      (k) => this.pick(k),
      { height: 30 },
    );
    this.all = el("input", {
      type: "checkbox",
      change: () => {
        this.every = this.all.checked;
        this.rows();
      },
    });
    this.all.checked = this.every;
    this.outline = [
      el(
        "label",
        { class: "part" },
        this.all,
        `with the ${M.passes.length - this.changing.length} that changed nothing`,
      ),
      this.list.element,
    ];
    this.rows();
  },

  /** Which stages the slider goes over: as traced (-1), then passes by number. */
  rows() {
    this.stops = [-1, ...(this.every ? M.passes.map((_, k) => k) : this.changing)];
    this.range.max = this.stops.length - 1;
    if (!this.stops.includes(this.at)) this.at = this.stops.filter((k) => k <= this.at).at(-1);
    this.list.set(this.stops.length, this.stops.indexOf(this.at));
    this.fill();
  },

  row(k, row) {
    const number = this.stops[k];
    if (number < 0)
      return row.append(
        el("span", { class: "name", text: "as traced" }),
        el("span", { class: "much", text: plural(M.summary.nodes, "value") }),
      );
    const [name, before, after, changed] = M.passes[number];
    if (!changed) row.classList.add("dim");
    const change =
      after === before ? (changed ? "changed" : "") : `${after > before ? "+" : "−"}${Math.abs(after - before)}`;
    const bar = el("span", { class: "bar-under" });
    bar.style.width = `${(100 * T.passes[number]) / this.longest}%`;
    row.append(
      el("span", { class: "name", text: name }),
      el("span", { class: "much", text: change }),
      ...(T.passes[number] === null ? [] : [el("span", { class: "much cell w3", text: passTime(number) })]),
      bar,
    );
  },

  pick(k) {
    const number = this.stops[k];
    go("passes", "pass", number < 0 ? "traced" : M.passes[number][0]);
  },

  step(by) {
    const k = this.stops.indexOf(this.at) + by;
    if (k >= 0 && k < this.stops.length) this.pick(k);
  },

  choose() {
    if (S.kind === "pass") {
      const number = S.key === "traced" ? -1 : M.passes.findIndex(([name]) => name === S.key);
      if (number >= 0 && !M.passes[number][3] && !this.every) {
        this.every = this.all.checked = true;
        this.at = number;
        return this.rows();
      }
      if (number >= 0 || S.key === "traced") this.at = number;
    } else if (this.at < 0 && this.changing.length) this.at = this.changing[0];
    this.list.choose(this.stops.indexOf(this.at));
    this.fill();
  },

  /** What is shown where nothing is chosen. */
  shown() {
    return M.passes[this.at] && ["pass", M.passes[this.at][0]];
  },

  fill() {
    const k = this.stops.indexOf(this.at),
      pass = M.passes[this.at];
    this.range.value = k;
    this.range.setAttribute("aria-valuetext", pass ? pass[0] : "as traced");
    this.count.textContent = `${k} / ${this.stops.length - 1}`;
    const isWhole = this.isWhole || !pass;
    for (const [mode, tab] of [...this.modes.children].entries())
      tab.setAttribute("aria-selected", isWhole === (mode === 1));
    this.title_.textContent = pass ? pass[0] : "as traced";
    const rows = isWhole ? stageText(this.at + 1).map((text, n) => ({ text, number: n + 1 })) : changes(this.at);
    const [minus, plus] = ["minus", "plus"].map((kind) => rows.filter((row) => row.kind === kind).length);
    const changed = plus + minus ? `+${plus} −${minus} lines` : "changed nothing";
    this.note.textContent = isWhole ? plural(rows.length, "line") : changed;
    this.code.marked = "";
    if (S.kind === "value") this.code.marked = `%${S.key.slice(S.key.indexOf("/") + 1)}`;
    this.code.set(rows.length ? rows : [{ text: "Nothing became different.", kind: "gap" }]);
  },

  /** A value whose name was clicked is chosen, where the graph before or after all passes has it. */
  followName(name) {
    const graph = ["optimised", "traced"]
      .map(mainGraph)
      .find((g) => g?.byName.has(name.slice(1).replace(/^"|"$/g, "")));
    if (graph && name) showDetails("value", `${graph.id}/${name.slice(1).replace(/^"|"$/g, "")}`);
  },
};

/** How long a pass took; nothing where that was not kept. */
const passTime = (number) => (T.passes[number] === null ? "" : duration(T.passes[number] * 1e6));

/** What one pass changed, with two lines around each change. */
function changes(number, around = 2) {
  const before = stageText(number),
    rows = [];
  let at = 0,
    shift = 0;
  const same = (from, to) => {
    for (let k = from; k < to; k++) rows.push({ text: before[k], number: k + shift + 1, sign: " " });
  };
  M.passes[number][4].forEach(([first, count, made], k, every) => {
    const start = Math.max(at, first - around);
    if (start > at) rows.push({ text: `⋯ ${plural(start - at, "line")} as before`, kind: "gap" });
    same(start, first);
    for (let j = first; j < first + count; j++) rows.push({ text: before[j], sign: "−", kind: "minus" });
    made.forEach((text, j) => rows.push({ text, number: first + shift + j + 1, sign: "+", kind: "plus" }));
    shift += made.length - count;
    at = first + count;
    const until = Math.min(before.length, at + around, every[k + 1]?.[0] ?? Infinity);
    same(at, until);
    at = until;
  });
  if (rows.length && at < before.length)
    rows.push({ text: `⋯ ${plural(before.length - at, "line")} as before`, kind: "gap" });
  return rows;
}
