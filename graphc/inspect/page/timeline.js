// What was measured: a track for each thread, and on it what ran when. There is none where nothing was measured.

views.timeline = {
  title: "Timeline",
  letter: "t",
  from: 0,
  until: 1,

  build() {
    if (!T.timeline) {
      this.outline = [];
      this.element = el(
        "div",
        { class: "view" },
        el(
          "div",
          { class: "empty" },
          el("p", { text: "Nothing was measured for this page." }),
          el("p", { class: "note", text: "graphc inspect MODEL --profile --html OUT.html measures runs." }),
        ),
      );
      return;
    }
    this.tracks = T.timeline.tracks;
    this.end = largest(
      this.tracks.flatMap((track) => track.spans.map(([start, length]) => start + length)),
      1e-3,
    );
    this.until = this.end;
    this.number = new Map(M.kernels.map((kernel, k) => [kernel.name, k]));
    const times = kernelTimes(),
      found = Object.keys(times).map(Number),
      most = largest(Object.values(times), 0);
    this.table = new Table(
      "Kernels by time",
      [
        ["Kernel", "name", (k) => M.kernels[found[k]].name, (k) => M.kernels[found[k]].name],
        ["Time", "cell w3 much", (k) => times[found[k]], (k) => duration(times[found[k]])],
        [
          "Share",
          "cell w2 much",
          (k) => times[found[k]],
          (k) => `${(100 * T.timeline.kernels[M.kernels[found[k]].name][1]).toFixed(1)} %`,
        ],
      ],
      found.length,
      (k) => choose("kernel", M.kernels[found[k]].name),
      { mark: (k) => M.kernels[found[k]].color, under: (k) => times[found[k]] / most },
    );
    this.table.sort(1);
    this.found = found;
    this.outline = this.table.elements;
    this.sheet = new Sheet("What ran when; the table beside tells the times", (context, width, height) =>
      this.draw(context, width, height),
    );
    this.listen();
    this.element = el(
      "div",
      { class: "view" },
      toolbar(
        [
          el("h2", { text: `${duration(this.end)} in all` }),
          el("span", { class: "note", text: T.timeline.note || "" }),
        ],
        [
          button("−", "Zoom out (-)", () => this.zoom(1 / 1.6)),
          button("+", "Zoom in (+)", () => this.zoom(1.6)),
          button("Fit", "All of it (f)", () => this.fit()),
        ],
      ),
      this.sheet.element,
    );
  },

  choose() {
    if (!T.timeline) return;
    this.table.choose(this.found.indexOf(chosenKernel()));
    this.sheet.draw();
  },

  fit() {
    [this.from, this.until] = [0, this.end];
    this.sheet.draw();
  },

  zoom(by, at = (this.from + this.until) / 2) {
    const span = Math.min(this.end, Math.max(this.end / 1e5, (this.until - this.from) / by)),
      share = (at - this.from) / (this.until - this.from);
    this.from = Math.max(0, Math.min(this.end - span, at - span * share));
    this.until = this.from + span;
    this.sheet.draw();
  },

  move(by) {
    const span = this.until - this.from;
    this.from = Math.max(0, Math.min(this.end - span, this.from + by * span));
    this.until = this.from + span;
    this.sheet.draw();
  },

  place(px) {
    return this.from + ((px - 110) / (this.sheet.width - 130)) * (this.until - this.from);
  },

  spanAt(px, py) {
    const track = this.tracks[Math.floor((py - 34) / 46)],
      time = this.place(px);
    return (py - 34) % 46 < 34
      ? track?.spans.find(
          ([start, length]) =>
            time >= start && time <= start + Math.max(length, (2 * (this.until - this.from)) / this.sheet.width),
        )
      : undefined;
  },

  listen() {
    const { canvas } = this.sheet;
    let last = null,
      moved = 0;
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))
          this.move((event.deltaX + event.deltaY) / this.sheet.width);
        else this.zoom(Math.exp(-event.deltaY * 0.0016), this.place(this.sheet.at(event)[0]));
      },
      { passive: false },
    );
    canvas.addEventListener("pointerdown", (event) => {
      last = event.clientX;
      moved = 0;
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointerup", (event) => {
      last = null;
      const span = this.spanAt(...this.sheet.at(event));
      if (moved < 4) choose(span?.[3] ? "kernel" : "", span?.[3] || "");
    });
    canvas.addEventListener("pointermove", (event) => {
      if (last !== null) {
        moved += Math.abs(event.clientX - last);
        this.move(-(event.clientX - last) / (this.sheet.width - 130));
        last = event.clientX;
        return tip("");
      }
      const span = this.spanAt(...this.sheet.at(event));
      canvas.classList.toggle("over", Boolean(span));
      tip(span ? `${span[2]}\n${duration(span[1])}, from ${duration(span[0])} on` : "", event);
    });
    canvas.addEventListener("pointerleave", () => tip(""));
    canvas.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -0.1, ArrowRight: 0.1 }[event.key];
      if (!by) return;
      this.move(by);
      event.preventDefault();
      event.stopPropagation();
    });
  },

  draw(context, width, height) {
    const left = 110,
      scale = (width - left - 20) / (this.until - this.from),
      kernel = chosenKernel();
    context.font = `11px ${SANS}`;
    context.textBaseline = "middle";
    const raw = (this.until - this.from) / 8,
      base = 10 ** Math.floor(Math.log10(raw)),
      every = [1, 2, 5, 10].map((n) => n * base).find((n) => n >= raw);
    context.textAlign = "center";
    for (let time = Math.ceil(this.from / every) * every; time <= this.until; time += every) {
      const x = left + (time - this.from) * scale;
      context.fillStyle = colors.line;
      context.fillRect(x, 24, 1, height);
      context.fillStyle = colors.soft;
      context.fillText(duration(time), x, 14);
    }
    this.tracks.forEach((track, number) => {
      const y = 34 + number * 46;
      context.textAlign = "right";
      context.fillStyle = colors.soft;
      context.fillText(cut(track.name, 16), left - 10, y + 17);
      context.save();
      context.beginPath();
      context.rect(left, y, width - left - 20, 36);
      context.clip();
      context.textAlign = "left";
      for (const [start, length, text, name] of track.spans) {
        if (start + length < this.from || start > this.until) continue;
        const at = this.number.get(name),
          color = at === undefined ? "move" : M.kernels[at].color,
          x = left + (start - this.from) * scale,
          w = Math.max(1, length * scale);
        const isLit = at !== undefined && at === kernel;
        context.fillStyle = isLit ? colors.accent : colors[`${color}-ground`];
        context.fillRect(x, y, w, 34);
        context.fillStyle = isLit ? colors.accent : colors[color];
        context.fillRect(x, y + 31, w, 3);
        context.fillRect(x, y, 1, 34);
        if (w < 24) continue;
        context.fillStyle = isLit ? colors["accent-ink"] : colors.ink;
        context.fillText(cut(text, Math.floor((w - 8) / 6.3)), x + 5, y + 16);
      }
      context.restore();
    });
  },
};
