// The kernels: a table, and the code of one in each of the target's forms.

views.kernels = {
  title: "Kernels",
  letter: "k",
  form: 0,
  at: -1,

  build() {
    const most = largest(M.kernels.map((kernel) => kernel.total)),
      measured = kernelTimes();
    const columns = [
      ["Kernel", "name", (k) => M.kernels[k].name, (k) => M.kernels[k].name],
      ["Runs", "cell w1 much", (k) => M.kernels[k].runs, (k) => amount(M.kernels[k].runs)],
      ["FLOPs", "cell w2 much", (k) => M.kernels[k].total, (k) => amount(M.kernels[k].total)],
      measured
        ? ["Time", "cell w3 much", (k) => measured[k] || 0, (k) => (measured[k] ? duration(measured[k]) : "")]
        : [
            "Bytes",
            "cell w3 much",
            (k) => M.kernels[k].bytes * M.kernels[k].runs,
            (k) => bytes(M.kernels[k].bytes * M.kernels[k].runs),
          ],
    ];
    const slowest = measured && largest(Object.values(measured), 0);
    this.table = new Table("Kernels", columns, M.kernels.length, (k) => go("kernels", "kernel", M.kernels[k].name), {
      mark: (k) => M.kernels[k].color,
      under: (k) => (measured ? (measured[k] || 0) / slowest : M.kernels[k].total / most),
    });
    this.table.sort(measured ? 3 : 2);
    this.outline = this.table.elements;
    this.title_ = el("h2");
    this.note = el("span", { class: "note" });
    this.tabs = tabs("Form", M.forms.map(([title]) => title), (form) => {
      this.form = form;
      this.fill();
    });
    this.code = new Code("Code of the kernel", "ir");
    this.element = el(
      "div",
      { class: "view" },
      toolbar([this.title_, this.tabs, this.note], codeTools(this.code)),
      this.code.element,
    );
  },

  choose() {
    let kernel = chosenKernel();
    const [graph, k] = chosenValue();
    if (kernel < 0 && graph) kernel = graph.kernels[k][0] ?? -1;
    if (kernel < 0 && chosenLine() >= 0) kernel = M.lineUse[chosenLine()].kernels[0] ?? -1;
    if (kernel < 0) kernel = this.at >= 0 ? this.at : (this.table.order[0] ?? -1);
    const isNew = kernel !== this.at;
    this.at = kernel;
    this.table.choose(kernel);
    if (isNew || !this.code.rows.length) this.fill();
  },

  /** What is shown where nothing is chosen. */
  shown() {
    return M.kernels[this.at] && ["kernel", M.kernels[this.at].name];
  },

  async fill() {
    const kernel = M.kernels[this.at];
    for (const [form, tab] of [...this.tabs.children].entries()) tab.setAttribute("aria-selected", form === this.form);
    if (!kernel) {
      this.title_.textContent = "No kernels";
      return this.code.set([{ text: "Nothing of this model needs code: it only hands its inputs on.", kind: "gap" }]);
    }
    codes ||= await unpacked("data-code");
    if (M.kernels[this.at] !== kernel) return; // another was chosen meanwhile
    this.title_.textContent = kernel.name;
    const text = codes[kernel.name]?.[this.form];
    if (!text) {
      const how = `graphc inspect MODEL --target ${M.target} --kernel ${kernel.name} --as ${M.forms[this.form][1]}`;
      const why =
        text === null
          ? [`There is no ${M.forms[this.form][0]} here, as what makes it was missing where this page was made.`]
          : ["The code of this kernel is left out, as the program is large. It is shown by", how];
      this.note.textContent = "";
      return this.code.set(why.map((line) => ({ text: line, kind: "gap" })));
    }
    const lines = text.replace(/\n$/, "").split("\n");
    this.note.textContent = plural(lines.length, "line");
    this.code.marked = "";
    this.code.set(
      lines.map((line, n) => ({ text: line.replace(/^\t+/, "    ").replaceAll("\t", " "), number: n + 1 })),
      M.forms[this.form][2],
    );
  },
};

/** Microseconds that a run spends in each kernel, by number; null where nothing was measured. */
function kernelTimes() {
  if (!T.timeline) return null;
  return Object.fromEntries(
    M.kernels.flatMap(({ name }, k) => (name in T.timeline.kernels ? [[k, T.timeline.kernels[name][0]]] : [])),
  );
}
