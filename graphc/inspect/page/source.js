// The user's lines: how much each of them computes, and which kernels it went into.

views.source = {
  title: "Source",
  letter: "s",

  build() {
    const share = (line) => M.lineUse[line].flops,
      most = largest(M.lines.map((_, k) => share(k)));
    this.total = Math.max(
      1,
      M.lineUse.reduce((sum, use) => sum + use.flops, 0),
    );
    this.table = new Table(
      "Lines",
      [
        ["Line", "name", (k) => lineName(k), (k) => `${lineName(k)}  ${M.lines[k][2]}`],
        ["Values", "cell w1 much", (k) => M.lineUse[k].after.length, (k) => M.lineUse[k].after.length],
        ["FLOPs", "cell w2 much", share, (k) => amount(share(k))],
      ],
      M.lines.length,
      (k) => choose("line", lineName(k)),
      { under: (k) => share(k) / most },
    );
    this.table.sort(2);
    this.outline = this.table.elements;
    const files = [...new Set(M.lines.map(([file]) => file))].sort();
    this.rows = [];
    for (const file of files) {
      const lines = M.lines
        .map((_, k) => k)
        .filter((k) => M.lines[k][0] === file)
        .sort((a, b) => M.lines[a][1] - M.lines[b][1]);
      this.rows.push({ text: file, kind: "gap" });
      lines.forEach((k, at) => {
        if (at && M.lines[k][1] > M.lines[lines[at - 1]][1] + 1) this.rows.push({ text: "⋯", kind: "gap" });
        this.rows.push({ text: M.lines[k][2] || "(its text is not in this page)", number: M.lines[k][1], line: k });
      });
    }
    this.code = new Code("The lines of your program", "source", {
      gutter: (row) => this.heat(row, share, most),
      after: (row) => this.chips(row),
      pick: (row) => row.line !== undefined && choose("line", lineName(row.line)),
    });
    this.code.set(this.rows);
    this.element = el(
      "div",
      { class: "view" },
      toolbar(
        [
          el("h2", { text: "Lines that made something" }),
          el("span", { class: "note", text: "bars: share of the FLOPs after the passes" }),
        ],
        codeTools(this.code),
      ),
      M.lines.length
        ? this.code.element
        : el("p", {
            class: "empty",
            text: "The model does not know the lines that it was made by, as it was read from a file.",
          }),
    );
  },

  heat(row, share, most) {
    if (row.line === undefined) return el("span", { class: "heat" });
    const flops = share(row.line),
      part = (100 * flops) / this.total,
      made = el(
        "span",
        { class: "heat" },
        el("span", { text: part >= 0.1 ? `${part.toFixed(part < 10 ? 1 : 0)} %` : "" }),
      );
    made.style.setProperty("--share", `${(100 * flops) / most}%`);
    made.style.setProperty("--heat", "var(--reduction-ground)");
    return made;
  },

  chips(row) {
    if (row.line === undefined) return null;
    const { kernels } = M.lineUse[row.line],
      shown = kernels.slice(0, 6);
    const made = el(
      "span",
      { class: "chips" },
      ...shown.map((k) =>
        el("a", {
          class: "chip",
          href: address("kernels", "kernel", M.kernels[k].name),
          text: M.kernels[k].name,
          click: (event) => event.stopPropagation(),
        }),
      ),
    );
    if (kernels.length > shown.length)
      made.append(el("span", { class: "note", text: `and ${kernels.length - shown.length} more` }));
    return made;
  },

  choose() {
    let line = chosenLine();
    const [graph, k] = chosenValue(),
      kernel = chosenKernel();
    if (graph) line = graph.line[k];
    if (kernel >= 0) line = M.kernels[kernel].lines[0] ?? -1;
    this.table.choose(line);
    const row = this.rows.findIndex((r) => r.line === line && line >= 0);
    if (row >= 0) this.code.show(row);
  },
};
