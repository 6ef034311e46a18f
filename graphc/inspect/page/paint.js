// How the graph is painted.

const HEAVY = 6000; // boxes and arrows that take longer than a frame to draw

Object.assign(views.graph, {
  draw(context, width, height) {
    if (!this.scene) return;
    if (this.isMoving && this.picture) this.drawPicture(context, width, height);
    else this.drawScene(context, width, height);
    this.drawView();
  },

  /** The last picture, moved to where it lies now. */
  drawPicture(context, width, height) {
    const { canvas, x, y, scale } = this.picture,
      by = this.scale / scale;
    context.drawImage(canvas, this.x - x * by, this.y - y * by, width * by, height * by);
  },

  keepPicture() {
    const canvas = this.picture?.canvas || document.createElement("canvas"),
      from = this.sheet.canvas;
    if (canvas.width !== from.width || canvas.height !== from.height)
      [canvas.width, canvas.height] = [from.width, from.height];
    canvas.getContext("2d", { alpha: false }).drawImage(from, 0, 0);
    this.picture = { canvas, x: this.x, y: this.y, scale: this.scale };
  },

  drawScene(context, width, height) {
    const { boxes } = this.scene,
      { x, y, scale } = this;
    const left = -x / scale,
      top = -y / scale,
      right = (width - x) / scale,
      bottom = (height - y) / scale;
    const isSeen = (b) => b.x < right && b.x + b.w > left && b.y < bottom && b.y + b.h > top;
    context.save();
    context.translate(x, y);
    context.scale(scale, scale);
    for (const box of boxes) if (box.open && isSeen(box)) this.drawFrame(context, box);
    let heavy = this.drawArrows(context, left, top, right, bottom);
    const far = scale < 0.22,
      groups = new Map();
    boxes.forEach((box, k) => {
      if (box.open || !isSeen(box)) return;
      heavy++;
      if (!far) return this.drawBox(context, box, k);
      const color = this.fill(box, k)[1];
      if (!groups.has(color)) groups.set(color, []);
      groups.get(color).push(box);
    });
    for (const [color, inside] of groups) {
      context.fillStyle = color;
      for (const b of inside) context.fillRect(b.x, b.y, b.w, b.h);
    }
    if (far) for (const k of [this.chosen, ...this.lit]) if (boxes[k]) this.ring(context, boxes[k], 3 / scale, 6);
    context.restore();
    if (heavy > HEAVY) this.keepPicture();
    else this.picture = null;
  },

  /** Ground and edge of a box. */
  fill(box) {
    if (this.paint === "flops") return this.heat(this.flopsOf(box) / this.hottest);
    if (box.value < 0) return [colors.frame, colors.edge];
    if (this.paint === "kernel") {
      const kernel = this.graph.kernels[box.value][0];
      if (kernel === undefined) return [colors.panel, colors.line];
      const hue = (kernel * 137.5) % 360,
        dark = document.documentElement.dataset.theme === "dark";
      return dark ? [`hsl(${hue} 35% 24%)`, `hsl(${hue} 55% 62%)`] : [`hsl(${hue} 70% 91%)`, `hsl(${hue} 50% 45%)`];
    }
    const family = colorOf(this.graph, box.value);
    return [colors[`${family}-ground`], colors[family]];
  },

  heat(share) {
    if (!share) return [colors.panel, colors.line];
    const mix = (most, least) => Math.round(least + (most - least) * Math.sqrt(share));
    const strong = (percent) => `color-mix(in srgb, ${colors.reduction} ${percent}%, ${colors.panel})`;
    return [strong(mix(45, 3)), strong(mix(100, 30))];
  },

  ring(context, b, wide, round) {
    context.strokeStyle = colors.accent;
    context.lineWidth = wide;
    context.beginPath();
    context.roundRect(b.x - 1, b.y - 1, b.w + 2, b.h + 2, round);
    context.stroke();
  },

  drawFrame(context, b) {
    const frame = this.graph.frame[b.frame],
      isChosen = this.scene.boxes[this.chosen] === b;
    context.beginPath();
    context.roundRect(b.x, b.y, b.w, b.h, 9);
    context.fillStyle = frame.depth % 2 ? colors.frame : colors.ground;
    context.fill();
    context.strokeStyle = isChosen ? colors.accent : colors.line;
    context.lineWidth = isChosen ? 2 : 1;
    context.stroke();
    if (this.scale < 0.22) return;
    context.textBaseline = "middle";
    context.fillStyle = colors.soft;
    context.font = `600 11.5px ${SANS}`;
    context.fillText(`▾ ${cut(frame.name, Math.floor((b.w - 90) / 6.6))}`, b.x + 10, b.y + HEAD / 2 + 2);
    context.font = `11px ${SANS}`;
    context.textAlign = "right";
    context.fillStyle = colors.faint;
    context.fillText(plural(frame.count, "value"), b.x + b.w - 10, b.y + HEAD / 2 + 2);
    context.textAlign = "left";
  },

  drawBox(context, b, k) {
    const [ground, edge] = this.fill(b),
      graph = this.graph,
      isLit = this.lit.has(k);
    const isLeaf = b.value >= 0 && graph.operands[b.value].length === 0,
      round = b.value < 0 ? 8 : isLeaf ? b.h / 2 : 5;
    if (b.value < 0) {
      // a closed frame looks like a pile
      context.fillStyle = colors.ground;
      context.strokeStyle = colors.edge;
      context.lineWidth = 1;
      context.beginPath();
      context.roundRect(b.x + 4, b.y + 4, b.w, b.h, round);
      context.fill();
      context.stroke();
    }
    context.beginPath();
    context.roundRect(b.x, b.y, b.w, b.h, round);
    context.fillStyle = isLit ? colors["accent-ground"] : ground;
    context.fill();
    context.strokeStyle = isLit ? colors.accent : edge;
    context.lineWidth = isLit ? 1.6 : 1;
    context.stroke();
    if (k === this.chosen) this.ring(context, b, 2.5, round);
    if (b.value < 0) this.drawMix(context, b, graph.frame[b.frame]);
    if (this.scale < 0.4) return;
    const isFrame = b.value < 0,
      frame = isFrame && graph.frame[b.frame];
    const first = isFrame
      ? frame.name
      : `${graph.name[b.value]}${graph.shown[b.value] ? ` ${graph.shown[b.value]}` : ""}`;
    const second = isFrame
      ? `${plural(frame.count, "value")}${frame.flops ? `, ${amount(frame.flops)}` : ""}`
      : typeOf(graph, b.value);
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = colors.ink;
    context.font = `600 12px ${SANS}`;
    context.fillText(cut(first, Math.floor((b.w - 12) / 6.4)), b.x + b.w / 2, b.y + b.h / 2 - (isFrame ? 9 : 7));
    context.fillStyle = colors.soft;
    context.font = `10.5px ${isFrame ? SANS : MONO}`;
    context.fillText(
      cut(second, Math.floor((b.w - 8) / (isFrame ? 5.4 : 6.3))),
      b.x + b.w / 2,
      b.y + b.h / 2 + (isFrame ? 5.5 : 8.5),
    );
    context.textAlign = "left";
    if (!isFrame && graph.outputNames[b.value].length) {
      // an output of the graph: a bar below
      context.fillStyle = colors.accent;
      context.fillRect(b.x + 8, b.y + b.h - 1, b.w - 16, 2.5);
    }
  },

  /** What a closed frame holds, by family. */
  drawMix(context, b, frame) {
    let x = b.x + 8;
    for (const [, color] of FAMILIES) {
      const wide = ((b.w - 16) * (frame.mix[color] || 0)) / frame.count;
      context.fillStyle = colors[color];
      context.fillRect(x, b.y + b.h - 5, wide, 2.5);
      x += wide;
    }
  },

  /** Draws what leads over a part of the picture; how many there are. */
  drawArrows(context, left, top, right, bottom) {
    const { boxes, from, to } = this.scene,
      plain = this.scale < 0.3,
      heads = this.scale > 0.45,
      near = [],
      long = [],
      short = [];
    const line = (places, color, wide, alpha, head) => {
      context.strokeStyle = color;
      context.lineWidth = wide;
      context.globalAlpha = alpha;
      context.beginPath();
      places.forEach((place, k) => {
        this.arrow(context, ...place, plain, head);
        if (k % 400 < 399) return; // one path of thousands of curves is slow to draw
        context.stroke();
        context.beginPath();
      });
      context.stroke();
      context.globalAlpha = 1;
    };
    for (let e = 0; e < from.length; e++) {
      const a = boxes[from[e]],
        b = boxes[to[e]];
      const x1 = a.x + a.w / 2,
        y1 = a.y + a.h,
        x2 = b.x + b.w / 2,
        y2 = b.y;
      if (Math.max(x1, x2) < left || Math.min(x1, x2) > right || Math.max(y1, y2) < top || Math.min(y1, y2) > bottom)
        continue;
      (from[e] === this.chosen || to[e] === this.chosen ? near : Math.abs(y2 - y1) > 5 * ROW_GAP ? long : short).push([
        x1,
        y1,
        x2,
        y2,
      ]);
    }
    const wide = Math.max(1, 0.6 / this.scale);
    line(long, colors.edge, wide, plain ? 0.25 : 0.4, heads); // what goes far is told softly
    line(short, colors.edge, wide, plain ? 0.5 : 0.9, heads);
    line(near, colors.accent, Math.max(1.6, 1.2 / this.scale), 1, true);
    return near.length + long.length + short.length;
  },

  arrow(context, x1, y1, x2, y2, plain, head) {
    context.moveTo(x1, y1);
    if (plain) return context.lineTo(x2, y2);
    const bend = Math.max(14, Math.min(70, Math.abs(y2 - y1) * 0.45));
    context.bezierCurveTo(x1, y1 + bend, x2, y2 - bend, x2, y2 - 1);
    if (!head) return;
    context.moveTo(x2 - 3.5, y2 - 6.5);
    context.lineTo(x2, y2 - 1);
    context.lineTo(x2 + 3.5, y2 - 6.5);
  },

  // ------------------------------------------------------------------------------------------ the map

  drawMini() {
    const ratio = devicePixelRatio || 1,
      width = 168,
      height = 120;
    this.mini.width = width * ratio;
    this.mini.height = height * ratio;
    this.mini.style.width = `${width}px`;
    this.mini.style.height = `${height}px`;
    this.miniScale = Math.min(
      (width - 10) / Math.max(1, this.scene.width),
      (height - 10) / Math.max(1, this.scene.height),
    );
    this.miniX = (width - this.scene.width * this.miniScale) / 2;
    this.miniY = (height - this.scene.height * this.miniScale) / 2;
    const base = (this.base = document.createElement("canvas")),
      context = base.getContext("2d");
    base.width = width * ratio;
    base.height = height * ratio;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = colors.panel;
    context.fillRect(0, 0, width, height);
    this.scene.boxes.forEach((b, k) => {
      if (b.open) return;
      context.fillStyle = this.fill(b, k)[1];
      context.fillRect(
        this.miniX + b.x * this.miniScale,
        this.miniY + b.y * this.miniScale,
        Math.max(0.7, b.w * this.miniScale),
        Math.max(0.7, b.h * this.miniScale),
      );
    });
  },

  /** The part that is seen, on the map. */
  drawView() {
    if (!this.base) return;
    const context = this.mini.getContext("2d"),
      ratio = devicePixelRatio || 1,
      s = this.miniScale;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.base, 0, 0);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.strokeStyle = colors.accent;
    context.lineWidth = 1.5;
    context.strokeRect(
      this.miniX + (-this.x / this.scale) * s,
      this.miniY + (-this.y / this.scale) * s,
      (this.sheet.width / this.scale) * s,
      (this.sheet.height / this.scale) * s,
    );
  },
});
