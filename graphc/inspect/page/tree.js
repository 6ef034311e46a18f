// The tree of scopes beside the graph: what is open there is open in the picture too.

Object.assign(views.graph, {
  rowsOfTree() {
    const rows = (this.treeRows = []),
      graph = this.graph,
      stack = [];
    const push = (frame, depth) => {
      for (let k = frame.items.length - 1; k >= 0; k--) stack.push([frame.items[k], depth]);
    };
    push(graph.frame[0], 1);
    while (stack.length) {
      const [item, depth] = stack.pop();
      rows.push({ ...item, depth });
      if (item.frame !== undefined && graph.isOpen[item.frame]) push(graph.frame[item.frame], depth + 1);
    }
    this.tree.set(rows.length);
  },

  treeRow(k, row) {
    const { value, frame, depth } = this.treeRows[k],
      graph = this.graph;
    row.style.paddingLeft = `${depth * 14 - 4}px`;
    row.setAttribute("aria-level", depth);
    if (frame !== undefined) {
      row.setAttribute("aria-expanded", graph.isOpen[frame]);
      row.append(
        el("span", { class: "turn", text: graph.isOpen[frame] ? "▾" : "▸" }),
        el("span", { class: "name", text: graph.frame[frame].name }),
        el("span", { class: "much", text: graph.frame[frame].count }),
      );
    } else {
      const shown = graph.shown[value] ? `${graph.name[value]} ${graph.shown[value]}` : graph.name[value];
      row.append(
        el("span", { class: "turn" }, el("span", { class: "mark", family: colorOf(graph, value) })),
        el("span", { class: "name", text: shown }),
        el("span", { class: "much", text: typeOf(graph, value) }),
      );
    }
  },

  pickRow(k, event) {
    const { value, frame } = this.treeRows[k];
    if (frame === undefined) return choose("value", valueKey(this.graph, value));
    if (event.target.closest?.(".turn")) this.turn(frame);
    choose("frame", `${this.graph.id}/${this.graph.frame[frame].path}`);
  },

  treeKey(event) {
    const row = this.treeRows[this.tree.chosen];
    if (!row) return;
    const isOpen = row.frame !== undefined && this.graph.isOpen[row.frame];
    if (
      row.frame !== undefined &&
      (event.key === "Enter" ||
        event.key === " " ||
        (event.key === "ArrowRight" && !isOpen) ||
        (event.key === "ArrowLeft" && isOpen))
    ) {
      this.turn(row.frame);
      this.tree.choose(this.treeRows.findIndex((r) => r.frame === row.frame));
    } else if (event.key === "ArrowLeft") {
      const up = this.treeRows.slice(0, this.tree.chosen).findLastIndex((r) => r.depth < row.depth);
      if (up >= 0) this.pickRow(up, event);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  },
});
