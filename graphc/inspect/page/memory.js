// The memory plan as a picture over time: each buffer of the arena a rectangle from its first to its last step.

views.memory = {
  title: "Memory",
  letter: "m",

  build() {
    this.buffers = M.memory.buffers.map(([name, type, place, offset, size, first, last, value], number) => ({
      name,
      type,
      place,
      offset,
      size,
      first,
      last,
      value,
      number,
    }));
    this.arena = this.buffers.filter((b) => b.place === "arena" && b.size > 0 && b.first >= 0);
    this.live = liveBytes();
    this.peak = this.live.reduce((best, size, k) => (size > this.live[best] ? k : best), 0);
    const most = largest(this.buffers.map((b) => b.size));
    this.table = new Table(
      "Buffers",
      [
        ["Buffer", "name", (k) => this.buffers[k].name, (k) => this.buffers[k].name],
        ["Place", "cell w3 much", (k) => this.buffers[k].place, (k) => this.buffers[k].place],
        ["Bytes", "cell w3 much", (k) => this.buffers[k].size, (k) => bytes(this.buffers[k].size)],
      ],
      this.buffers.length,
      (k) => choose("buffer", this.buffers[k].name),
      { mark: (k) => this.color(this.buffers[k]), under: (k) => this.buffers[k].size / most },
    );
    this.table.sort(2);
    this.outline = this.table.elements;
    this.sheet = new Sheet(
      "Buffers of the arena by step and place; the table beside holds the same",
      (context, width, height) => this.draw(context, width, height),
    );
    const { canvas } = this.sheet;
    canvas.addEventListener("pointermove", (event) => {
      const found = this.at(...this.sheet.at(event));
      canvas.classList.toggle("over", Boolean(found));
      tip(
        found
          ? `${found.name}: ${found.type}\n${bytes(found.size)} at ${found.offset}, steps ${found.first + 1} to ${found.last + 1}`
          : "",
        event,
      );
    });
    canvas.addEventListener("pointerleave", () => tip(""));
    canvas.addEventListener("click", (event) => {
      const found = this.at(...this.sheet.at(event));
      choose(found ? "buffer" : "", found ? found.name : "");
    });
    canvas.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!by || !this.arena.length) return;
      event.preventDefault();
      event.stopPropagation();
      const at = this.arena.findIndex((b) => S.kind === "buffer" && b.name === S.key);
      choose("buffer", this.arena[(at + by + this.arena.length) % this.arena.length].name);
    });
    const peak = this.live.length ? `${bytes(this.live[this.peak])} in use at most, in step ${this.peak + 1}` : "";
    this.element = el(
      "div",
      { class: "view" },
      toolbar([
        el("h2", { text: `Arena: ${bytes(M.memory.arena)}` }),
        el("span", {
          class: "note",
          text: [peak, `constants ${bytes(M.memory.constants)}`, plural(M.memory.steps.length, "step"), M.condition]
            .filter(Boolean)
            .join(" · "),
        }),
      ]),
      this.arena.length
        ? this.sheet.element
        : el("p", { class: "empty", text: "No step needs memory besides inputs, outputs and constants." }),
    );
  },

  color(buffer) {
    if (!buffer.value) return "move";
    return colorOf(M.graphs[buffer.value[0]], buffer.value[1]);
  },

  /** What the chosen value, kernel or buffer is in memory. */
  chosen() {
    if (S.kind === "buffer") return new Set(this.buffers.filter((b) => b.name === S.key).map((b) => b.number));
    const [graph, k] = chosenValue();
    if (graph)
      return new Set(
        this.buffers.filter((b) => b.value && M.graphs[b.value[0]] === graph && b.value[1] === k).map((b) => b.number),
      );
    const kernel = chosenKernel(),
      found = new Set();
    if (kernel >= 0)
      for (const [, kernels, buffers] of M.memory.steps)
        if (kernels.includes(kernel)) buffers.forEach((b) => found.add(b));
    return found;
  },

  choose() {
    const found = this.chosen();
    this.table.choose(found.size === 1 ? [...found][0] : -1);
    this.sheet.draw();
  },

  scales(width, height) {
    const left = 74,
      top = 14,
      steps = Math.max(1, M.memory.steps.length),
      arena = Math.max(1, M.memory.arena);
    return { left, top, dx: (width - left - 20) / steps, dy: (height - top - 40) / arena, bottom: height - 40 };
  },

  at(px, py) {
    const { left, top, dx, dy } = this.scales(this.sheet.width, this.sheet.height),
      step = (px - left) / dx,
      place = (py - top) / dy;
    return this.arena.findLast(
      (b) => step >= b.first && step <= b.last + 1 && place >= b.offset && place <= b.offset + b.size,
    );
  },

  draw(context, width, height) {
    const { left, top, dx, dy, bottom } = this.scales(width, height),
      chosen = this.chosen(),
      steps = M.memory.steps.length;
    context.fillStyle = colors.panel;
    context.fillRect(left, top, dx * steps, bottom - top);
    context.fillStyle = colors["accent-ground"];
    context.fillRect(left + this.peak * dx, top, Math.max(2, dx), bottom - top);
    context.font = `11px ${SANS}`;
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const [y, text] of [
      [top, "0 B"],
      [top + M.memory.arena * dy, bytes(M.memory.arena)],
    ]) {
      context.fillStyle = colors.soft;
      context.fillText(text, left - 8, y);
    }
    context.fillText("place", left - 8, (top + bottom) / 2);
    context.textAlign = "center";
    const every = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000].find((n) => n * dx > 34) || steps;
    for (let k = 0; k < steps; k += every) context.fillText(k + 1, left + (k + 0.5) * dx, bottom + 12);
    context.textAlign = "left";
    context.fillText(steps > 1 ? "steps of one run" : "one step", left, bottom + 28);
    context.fillStyle = colors.accent;
    context.textAlign = "center";
    context.fillText(
      "most in use",
      Math.max(left + 130, Math.min(width - 50, left + (this.peak + 0.5) * dx)),
      bottom + 28,
    );
    for (const b of this.arena) {
      const x = left + b.first * dx,
        y = top + b.offset * dy,
        w = Math.max(1.5, (b.last - b.first + 1) * dx),
        h = Math.max(1, b.size * dy),
        color = this.color(b);
      context.fillStyle = colors[`${color}-ground`];
      context.fillRect(x, y, w, h);
      context.strokeStyle = chosen.has(b.number) ? colors.accent : colors[color];
      context.lineWidth = chosen.has(b.number) ? 2.5 : 0.8;
      context.strokeRect(x + 0.4, y + 0.4, Math.max(0.5, w - 0.8), Math.max(0.5, h - 0.8));
      if (h < 13 || w < 40) continue;
      context.textAlign = "left";
      context.fillStyle = colors.ink;
      context.fillText(cut(b.name, Math.floor((w - 8) / 6.2)), x + 5, y + Math.min(h / 2, 12));
      if (h > 30 && w > 60) {
        context.fillStyle = colors.soft;
        context.fillText(cut(bytes(b.size), Math.floor((w - 8) / 6)), x + 5, y + 26);
      }
    }
  },
};

/** Bytes of the arena in use in each step. */
function liveBytes() {
  const change = new Float64Array(M.memory.steps.length + 1);
  for (const [, , place, , size, first, last] of M.memory.buffers) {
    if (place !== "arena" || first < 0) continue;
    change[first] += size;
    change[last + 1] -= size;
  }
  let sum = 0;
  return [...change.slice(0, -1)].map((by) => (sum += by));
}

// The strip below all views: the steps of one run, as high as memory is in use, in the colours of what they compute.

const strip = {
  build() {
    this.live = liveBytes();
    this.most = largest(this.live);
    this.sheet = new Sheet(
      "Steps of one run and the memory in use",
      (context, width, height) => this.draw(context, width, height),
      { role: "slider" },
    );
    this.sheet.canvas.setAttribute("aria-valuemin", 1);
    this.sheet.canvas.setAttribute("aria-valuemax", M.memory.steps.length);
    const { canvas } = this.sheet,
      at = (event) =>
        Math.max(
          0,
          Math.min(
            M.memory.steps.length - 1,
            Math.floor((this.sheet.at(event)[0] / this.sheet.width) * M.memory.steps.length),
          ),
        );
    canvas.addEventListener("pointermove", (event) => {
      const k = at(event);
      canvas.classList.add("over");
      tip(`step ${k + 1}: ${cut(M.memory.steps[k][0], 120)}\n${bytes(this.live[k])} of the arena in use`, event);
    });
    canvas.addEventListener("pointerleave", () => tip(""));
    canvas.addEventListener("click", (event) => choose("step", `${at(event) + 1}`));
    canvas.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      const now = S.kind === "step" ? +S.key : 0;
      choose("step", `${Math.max(1, Math.min(M.memory.steps.length, now + by))}`);
    });
    $("run").append(
      el(
        "p",
        {},
        el("span", { text: "One run, step by step" }),
        el("span", { text: "height: memory in use · colour: what is computed" }),
      ),
      this.sheet.element,
    );
    $("run").hidden = !M.memory.steps.length;
  },

  choose() {
    this.sheet.canvas.setAttribute("aria-valuenow", S.kind === "step" ? S.key : 1);
    this.sheet.draw();
  },

  color(step) {
    return step[1].length ? M.kernels[step[1][0]].color : step[0].startsWith("host") ? "host" : "move";
  },

  draw(context, width, height) {
    const steps = M.memory.steps,
      dx = width / steps.length,
      kernel = chosenKernel(),
      [graph, value] = chosenValue();
    const wanted = new Set(
      kernel >= 0 ? [kernel] : graph ? graph.kernels[value] : chosenLine() >= 0 ? M.lineUse[chosenLine()].kernels : [],
    );
    context.fillStyle = colors.panel;
    context.fillRect(0, 0, width, height);
    steps.forEach((step, k) => {
      const high = 4 + ((height - 10) * this.live[k]) / this.most;
      const isLit = step[1].some((number) => wanted.has(number)) || (S.kind === "step" && +S.key === k + 1);
      context.fillStyle = isLit ? colors.accent : colors[this.color(step)];
      context.globalAlpha = isLit || !wanted.size ? 0.9 : 0.35;
      context.fillRect(k * dx, height - high, Math.max(0.7, dx - (dx > 4 ? 1 : 0)), high);
    });
    context.globalAlpha = 1;
  },
};
