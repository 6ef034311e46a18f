// The graph: boxes and arrows to zoom and pan, and beside them the tree of its scopes.

views.graph = {
  title: "Graph",
  letter: "g",
  graph: null,
  scene: null,
  x: 0,
  y: 0,
  scale: 1,
  paint: "family",

  build() {
    this.sheet = new Sheet(
      "The graph; the tree of contents beside it holds the same",
      (context, width, height) => this.draw(context, width, height),
      { role: "application" },
    );
    this.sheet.resized = () => {
      this.picture = null;
      if (!this.placed) this.start();
    };
    this.stage = el(
      "select",
      { "aria-label": "Which graph", change: () => this.show(graphById(this.stage.value)) },
      ...M.graphs.map((graph) =>
        el("option", {
          value: graph.id,
          text: (graph.stage === "traced" ? "As traced" : "After the passes") + (graph.main ? "" : `: @${graph.label}`),
        }),
      ),
    );
    this.coloring = el(
      "select",
      { "aria-label": "Colours", change: () => this.color(this.coloring.value) },
      ...[
        ["family", "Colour: operation"],
        ["flops", "Colour: FLOPs"],
        ["kernel", "Colour: kernel"],
      ].map(([value, text]) => el("option", { value, text })),
    );
    this.note = el("span", { class: "note" });
    this.openers = [
      button("Open all", "Open all frames (o)", () => this.openAll(true)),
      button("Close all", "Close all frames (c)", () => this.openAll(false)),
    ];
    this.mini = el("canvas", { class: "mini", width: 168, height: 120, "aria-hidden": true });
    const zooms = el(
      "div",
      { class: "zooms bar" },
      button("+", "Zoom in (+)", () => this.zoom(1.4)),
      button("−", "Zoom out (-)", () => this.zoom(1 / 1.4)),
      button("⤢", "All of it (f)", () => this.fit()),
    );
    this.legend = el("div", { class: "legend" });
    this.sheet.element.append(this.mini, zooms, this.legend);
    const bar = toolbar([this.stage, this.coloring], [this.note, ...this.openers]);
    this.element = el("div", { class: "view" }, bar, this.sheet.element);
    this.tree = new List(
      "Scopes and values",
      (k, row) => this.treeRow(k, row),
      (k, event) => this.pickRow(k, event),
      { role: "tree", item: "treeitem", height: 24 },
    );
    this.tree.element.addEventListener("keydown", (event) => this.treeKey(event));
    this.outline = [this.tree.element];
    this.listen();
    this.set(mainGraph("optimised"));
    this.color("family");
  },

  /** Colour boxes by `family`, `flops` or `kernel`. */
  color(paint) {
    this.paint = paint;
    const families = () => FAMILIES.map(([text, family]) => el("span", {}, el("i", { family }), text));
    const told = {
      flops: "stronger: more FLOPs; none: moves and constants",
      kernel: "one colour: one kernel; none: inputs and what runs on the host",
    };
    this.legend.replaceChildren(...(told[paint] ? [told[paint]] : families()));
    this.drawMini();
    this.sheet.draw();
  },

  flopsOf(box) {
    return box.value < 0 ? this.graph.frame[box.frame].flops : this.graph.flops[box.value];
  },

  /** Change to another graph, without choosing anything in it. */
  set(graph) {
    this.graph = graph;
    this.stage.value = graph.id;
    if (!graph.frame) frameTree(graph);
    this.again();
    this.placed = false;
    this.start();
  },

  show(graph) {
    this.set(graph);
    if (S.kind === "value" || S.kind === "frame") {
      const [from, k] = chosenValue(),
        same = from && graph.byName.has(from.name[k]) && from.main && graph.main;
      choose(same ? "value" : "", same ? `${graph.id}/${from.name[k]}` : "");
    }
  },

  /** After frames were opened or closed. */
  again() {
    this.scene = arrange(this.graph);
    const { boxes } = this.scene;
    this.hottest = largest(boxes.map((box) => (box.open ? 0 : this.flopsOf(box))));
    const frames = this.graph.frame.length - 1;
    this.note.textContent = plural(this.graph.frame[0].count, "value") + (frames ? `, ${plural(frames, "frame")}` : "");
    this.openers.forEach((button) => {
      button.hidden = !frames;
    });
    this.rowsOfTree();
    this.mark();
    this.drawMini();
    this.sheet.draw();
  },

  start() {
    if (!this.sheet.width || !this.scene) return;
    this.placed = true;
    this.fit();
    if (this.scale < 0.4) {
      // a long chain or a wide row: begin at its top
      const top = this.scene.boxes.filter((box) => box.y < 4 * (HIGH + ROW_GAP)),
        middle = top.reduce((sum, box) => sum + box.x + box.w / 2, 0) / Math.max(1, top.length);
      this.scale = 0.8;
      this.x = this.sheet.width / 2 - middle * this.scale;
      this.y = 30;
    }
    this.revealChosen();
    this.sheet.draw();
  },

  fit() {
    const { width, height } = this.sheet,
      margin = 26;
    this.scale = Math.min(
      1.25,
      (width - 2 * margin) / Math.max(1, this.scene.width),
      (height - 2 * margin - 20) / Math.max(1, this.scene.height),
    );
    this.x = (width - this.scene.width * this.scale) / 2;
    this.y = Math.max(margin, (height - 30 - this.scene.height * this.scale) / 2);
    this.sheet.draw();
  },

  /** While a heavy picture moves, the last one is shown moved; soon after, it is drawn again. */
  moved() {
    clearTimeout(this.still);
    this.isMoving = true;
    this.still = setTimeout(() => {
      this.isMoving = false;
      this.sheet.draw();
    }, 120);
    this.sheet.draw();
  },

  zoom(by, x = this.sheet.width / 2, y = this.sheet.height / 2) {
    const scale = Math.min(3, Math.max(0.004, this.scale * by)),
      change = scale / this.scale;
    this.x = x - (x - this.x) * change;
    this.y = y - (y - this.y) * change;
    this.scale = scale;
    this.moved();
  },

  openAll(open) {
    this.graph.isOpen.fill(open);
    this.graph.isOpen[0] = true;
    this.again();
    this.fit();
  },

  /** Open or close one frame; it stays where it is seen. */
  turn(frame, open = !this.graph.isOpen[frame]) {
    const before = this.scene.boxes[this.scene.frameBox[frame]];
    this.graph.isOpen[frame] = open;
    this.again();
    const after = this.scene.boxes[this.scene.frameBox[frame]];
    if (before && after) {
      this.x += (before.x + before.w / 2 - after.x - after.w / 2) * this.scale;
      this.y += (before.y - after.y) * this.scale;
    }
    this.sheet.draw();
  },

  // ---------------------------------------------------------------------------------------- choosing

  choose() {
    const [graph, k] = chosenValue();
    if (graph) this.openTo(graph, () => graph.home[k]);
    else if (S.kind === "frame") {
      const cutAt = S.key.indexOf("/"),
        of = graphById(S.key.slice(0, cutAt));
      if (of) this.openTo(of, () => of.frame[of.byPath.get(S.key.slice(cutAt + 1))]?.parent ?? 0);
    }
    this.mark();
    this.revealChosen();
    const row = this.treeRows.findIndex((r) =>
      graph && k >= 0 ? r.value === k : S.kind === "frame" && this.chosenFrame === r.frame,
    );
    this.tree.choose(row);
    this.sheet.draw();
  },

  /** Show a graph with one of its frames open, and all around it. */
  openTo(graph, frame) {
    if (graph !== this.graph) this.set(graph);
    let opened = false;
    for (let f = frame(); f > 0; f = graph.frame[f].parent) if (!graph.isOpen[f]) opened = graph.isOpen[f] = true;
    if (opened) this.again();
  },

  /** Which boxes are lit: the chosen one, or all values of the chosen kernel or line. */
  mark() {
    const { boxOf, frameBox } = this.scene,
      [graph, k] = chosenValue();
    this.lit = new Set();
    this.chosen = -1;
    this.chosenFrame = -1;
    if (graph === this.graph && k >= 0) this.chosen = boxOf[k];
    if (S.kind === "frame" && S.key.startsWith(`${this.graph.id}/`)) {
      this.chosenFrame = this.graph.byPath.get(S.key.slice(this.graph.id.length + 1)) ?? -1;
      this.chosen = frameBox[this.chosenFrame] ?? -1;
    }
    const kernel = chosenKernel(),
      line = chosenLine();
    this.graph.name.forEach((_, value) => {
      if ((kernel >= 0 && this.graph.kernels[value].includes(kernel)) || (line >= 0 && this.graph.line[value] === line))
        this.lit.add(boxOf[value]);
    });
    this.lit.delete(-1); // what is not drawn
  },

  revealChosen() {
    const [first = -1] = this.chosen >= 0 ? [this.chosen] : this.lit;
    if (first >= 0) this.reveal(first);
  },

  reveal(k) {
    const box = this.scene.boxes[k],
      { width, height } = this.sheet;
    if (!width) return;
    if (this.scale < 0.45) this.zoomTo(box, 0.9);
    const x = box.x * this.scale + this.x,
      y = box.y * this.scale + this.y;
    if (x < 30 || x + Math.min(box.w * this.scale, width / 2) > width - 30)
      this.x += width / 2 - x - (box.w / 2) * this.scale;
    if (y < 30 || y + Math.min(box.h * this.scale, height / 2) > height - 60)
      this.y += height / 2 - y - (box.h / 2) * this.scale;
  },

  zoomTo(box, scale) {
    this.scale = scale;
    this.x = this.sheet.width / 2 - (box.x + box.w / 2) * scale;
    this.y = this.sheet.height / 2 - (box.y + box.h / 2) * scale;
  },

  pick(k) {
    const box = this.scene.boxes[k];
    if (!box) choose("", "");
    else if (box.value >= 0) choose("value", valueKey(this.graph, box.value));
    else choose("frame", `${this.graph.id}/${this.graph.frame[box.frame].path}`);
  },

  boxAt(x, y) {
    const px = (x - this.x) / this.scale,
      py = (y - this.y) / this.scale,
      { boxes } = this.scene;
    for (let k = boxes.length - 1; k >= 0; k--) {
      const b = boxes[k];
      if (px >= b.x && px <= b.x + b.w && py >= b.y && py <= b.y + (b.open ? HEAD : b.h)) return k;
    }
    return -1;
  },

  listen() {
    const { canvas } = this.sheet,
      pointers = new Map();
    let moved = 0,
      apart = 0;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, event);
      moved = 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) return this.hover(event);
      pointers.set(event.pointerId, event);
      if (pointers.size === 2) {
        const [a, b] = [...pointers.values()],
          distance = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
        const [x, y] = this.sheet.at({ clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 });
        if (apart) this.zoom(distance / apart, x, y);
        apart = distance;
      }
      moved += Math.abs(event.clientX - before.clientX) + Math.abs(event.clientY - before.clientY);
      if (moved < 4) return;
      canvas.classList.add("dragged");
      tip("");
      this.x += (event.clientX - before.clientX) / pointers.size;
      this.y += (event.clientY - before.clientY) / pointers.size;
      this.moved();
    });
    const up = (event) => {
      if (!pointers.delete(event.pointerId)) return;
      apart = 0;
      canvas.classList.remove("dragged");
      if (event.type === "pointerup" && moved < 4) this.pick(this.boxAt(...this.sheet.at(event)));
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("pointerleave", () => tip(""));
    canvas.addEventListener("dblclick", (event) => {
      const box = this.scene.boxes[this.boxAt(...this.sheet.at(event))];
      if (box?.frame >= 0) this.turn(box.frame);
    });
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        if (event.shiftKey) {
          this.x -= event.deltaY + event.deltaX;
          this.moved();
        } else this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), ...this.sheet.at(event));
      },
      { passive: false },
    );
    canvas.addEventListener("keydown", (event) => this.key(event));
    this.mini.addEventListener("pointerdown", (event) => {
      const { left, top } = this.mini.getBoundingClientRect();
      this.x = this.sheet.width / 2 - ((event.clientX - left - this.miniX) / this.miniScale) * this.scale;
      this.y = this.sheet.height / 2 - ((event.clientY - top - this.miniY) / this.miniScale) * this.scale;
      this.sheet.draw();
    });
  },

  hover(event) {
    const box = this.scene.boxes[this.boxAt(...this.sheet.at(event))];
    this.sheet.canvas.classList.toggle("over", Boolean(box));
    if (!box) return tip("");
    const graph = this.graph,
      k = box.value;
    if (k < 0)
      return tip(
        `${graph.frame[box.frame].path}\n${plural(graph.frame[box.frame].count, "value")} · double click to ${box.open ? "close" : "open"}`,
        event,
      );
    tip(
      `%${graph.name[k]}: ${typeOf(graph, k)}\n${opOf(graph, k)}${graph.line[k] >= 0 ? ` · ${lineName(graph.line[k])}` : ""}`,
      event,
    );
  },

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { boxes } = this.scene,
      box = boxes[this.chosen];
    const step = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    if (step && event.shiftKey) {
      this.x -= step[0] * 80;
      this.y -= step[1] * 80;
      this.sheet.draw();
    } else if (step) this.pick(box ? this.next(this.chosen, ...step) : boxes.findIndex((b) => !b.open));
    else if (event.key === "Enter" && box?.frame >= 0) this.turn(box.frame);
    else return;
    event.preventDefault();
    event.stopPropagation();
  },

  /** The box above or below that an arrow leads to, or the nearest one beside. */
  next(from, dx, dy) {
    const { boxes, from: sources, to } = this.scene,
      here = boxes[from];
    const middle = (b) => [b.x + b.w / 2, b.y + b.h / 2],
      [x, y] = middle(here);
    let candidates = [];
    if (dy)
      for (let e = 0; e < sources.length; e++)
        if ((dy > 0 ? sources[e] : to[e]) === from) candidates.push(dy > 0 ? to[e] : sources[e]);
    if (!candidates.length)
      candidates = boxes
        .map((_, k) => k)
        .filter(
          (k) => k !== from && !boxes[k].open && Math.sign(middle(boxes[k])[dx ? 0 : 1] - (dx ? x : y)) === dx + dy,
        );
    const far = (k) => {
      const [a, b] = middle(boxes[k]);
      return dx ? Math.abs(a - x) + 4 * Math.abs(b - y) : Math.abs(b - y) + Math.abs(a - x);
    };
    return candidates.sort((a, b) => far(a) - far(b))[0] ?? from;
  },
};
