// A canvas that keeps the size of its place, is sharp, and is drawn at most once a frame.

class Sheet {
  /** @param label what it shows, for screen readers; draw(context, width, height). */
  constructor(label, draw, { role = "img" } = {}) {
    this.canvas = el("canvas", { role, "aria-label": label, tabindex: 0 });
    this.element = el("div", { class: "stage" }, this.canvas);
    this.paint = draw;
    this.width = this.height = 0;
    new ResizeObserver(() => this.resize()).observe(this.element);
  }

  resize() {
    const { clientWidth, clientHeight } = this.element;
    if (!clientWidth || !clientHeight) return;
    const ratio = devicePixelRatio || 1;
    this.canvas.width = Math.round(clientWidth * ratio);
    this.canvas.height = Math.round(clientHeight * ratio);
    this.width = clientWidth;
    this.height = clientHeight;
    this.resized?.();
    this.now();
  }

  /** Draw with the next frame. */
  draw() {
    this.asked ||= requestAnimationFrame(() => this.now());
  }

  now() {
    if (this.asked) cancelAnimationFrame(this.asked);
    this.asked = 0;
    if (!this.width) return;
    const context = this.canvas.getContext("2d", { alpha: false }),
      ratio = devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = colors.ground;
    context.fillRect(0, 0, this.width, this.height);
    this.paint(context, this.width, this.height);
  }

  /** Where the pointer is, in pixels of the sheet. */
  at(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }
}

const COLOR_NAMES = [
  "ground",
  "panel",
  "ink",
  "soft",
  "faint",
  "line",
  "accent",
  "accent-ground",
  "accent-ink",
  "frame",
  "edge",
  "element",
  "product",
  "reduction",
  "move",
  "control",
  "host",
  "input",
];
const colors = {}; // of the theme, by name; families also with -ground

function readColors() {
  for (const name of COLOR_NAMES) {
    colors[name] = themeColor(name);
    colors[`${name}-ground`] = themeColor(`${name}-ground`);
  }
}

/** Text cut so that it fits; letters of one width. */
const cut = (text, letters) => (text.length <= letters ? text : letters < 2 ? "" : `${text.slice(0, letters - 1)}…`);
const SANS = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
const MONO =
  'ui-monospace, "SF Mono", "Cascadia Mono", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';
