// One field that finds values, scopes, kernels, lines, buffers and passes by name.

const search = {
  build() {
    this.field = $("search");
    this.found = [];
    this.list = new List(
      "Found",
      (k, row) => {
        const { text, more, family } = this.found[k];
        row.append(
          el("span", { class: "mark", family }),
          el("span", { class: "name", text }),
          el("span", { class: "much", text: more }),
        );
      },
      (k, event) => {
        this.list.choose(k);
        if (event.type === "click") this.open(k);
      },
    );
    this.list.element.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.open(this.list.chosen);
    });
    this.note = el("p", { class: "part", role: "status" });
    $("found").append(this.note, this.list.element);
    this.field.addEventListener("input", () => this.look());
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.open(Math.max(0, this.list.chosen));
      else if (event.key === "ArrowDown" || event.key === "ArrowUp") this.list.key(event);
      else if (event.key === "Escape") this.close();
      else return;
      event.stopPropagation();
    });
  },

  /** Everything that has a name, made at the first search: [text in small letters, what is shown, where it leads]. */
  everything() {
    if (this.all) return this.all;
    const all = (this.all = []),
      add = (text, more, family, view, kind, key, also = "") =>
        all.push({ small: `${text} ${also}`.toLowerCase(), text, more, family, view, kind, key });
    M.kernels.forEach((kernel) => add(kernel.name, "kernel", kernel.color, "kernels", "kernel", kernel.name));
    M.lines.forEach(([, , text], k) => add(lineName(k), text, "move", "source", "line", lineName(k), text));
    M.passes.forEach(([name]) => add(name, "pass", "accent", "passes", "pass", name));
    M.graphs
      .filter((graph) => graph.stage !== "traced")
      .concat(M.graphs.filter((graph) => graph.stage === "traced"))
      .forEach((graph) => {
        const suffix = graph.stage === "traced" ? " traced" : "";
        if (!graph.frame) frameTree(graph);
        graph.frame
          .slice(1)
          .forEach((frame) =>
            add(frame.path, `${frame.count} values${suffix}`, "move", "graph", "frame", `${graph.id}/${frame.path}`),
          );
        graph.name.forEach(
          (name, k) =>
            graph.row[k] >= 0 &&
            add(
              `%${name}`,
              typeOf(graph, k) + suffix,
              colorOf(graph, k),
              "graph",
              "value",
              valueKey(graph, k),
              `${opOf(graph, k)} ${typeOf(graph, k)} ${graph.outputNames[k].join(" ")}`,
            ),
        );
      });
    M.memory.buffers.forEach(([name, , place]) => add(name, `buffer, ${place}`, "move", "memory", "buffer", name));
    return all;
  },

  look() {
    const words = this.field.value.toLowerCase().split(/\s+/).filter(Boolean);
    $("found").hidden = !words.length;
    $("outline").hidden = Boolean(words.length);
    if (!words.length) return;
    const whole = words.join(" ").replace(/^%/, "");
    this.found = this.everything().filter(({ small }) => words.every((word) => small.includes(word)));
    const rank = ({ text }) => {
      const t = text.toLowerCase().replace(/^%/, "");
      return t === whole ? 0 : t.startsWith(whole) ? 1 : 2;
    };
    this.found = this.found
      .map((item, k) => [rank(item), k, item])
      .sort((a, b) => a[0] - b[0] || a[1] - b[1])
      .map(([, , item]) => item);
    this.note.textContent = this.found.length
      ? `${this.found.length.toLocaleString("en")} found`
      : "Nothing has such a name";
    this.list.element.scrollTop = 0;
    this.list.set(this.found.length, this.found.length ? 0 : -1);
  },

  open(k) {
    const item = this.found[k];
    if (!item) return;
    go(item.view, item.kind, item.key);
  },

  close() {
    this.field.value = "";
    this.look();
    this.field.blur();
    $("middle").focus();
  },
};
