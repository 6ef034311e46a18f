// What all views share: the data, what is chosen, and how elements are made. Text of the model only ever becomes text.

const $ = (id) => document.getElementById(id);

/** An element: properties that are functions listen to events, `text` is its text, the others are attributes. */
function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") made.addEventListener(key, value);
    else if (key === "text") made.textContent = value;
    else if (key === "family") made.style.setProperty("--family", `var(--${value})`);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((c) => c !== null && c !== undefined));
  return made;
}

/** A bar on top of a view: its parts, and tools at its right end. */
function toolbar(parts, tools = []) {
  const space = tools.length ? el("span", { class: "grow" }) : null;
  return el("div", { class: "bar" }, ...parts, space, ...tools);
}

/** A button with a sign or a word on it; the title says what it does. */
const button = (text, title, act) => el("button", { type: "button", text, title, "aria-label": title, click: act });

/** Tabs, of which the view that has them marks one; pick(k): one was clicked. */
function tabs(label, texts, pick) {
  return el(
    "div",
    { class: "tabs", role: "tablist", "aria-label": label },
    ...texts.map((text, k) => el("button", { type: "button", role: "tab", text, click: () => pick(k) })),
  );
}

/** The value in a block of the page: base64 of deflated JSON. */
async function unpacked(id) {
  const bytes = Uint8Array.from(atob($(id).textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

// ------------------------------------------------------------------------------------------- the model

let M = null; // what `content.py` tells of the compilation
let T = null; // times: {passes, timeline}
let codes = null; // name of a kernel -> [loop tree, LLVM IR, assembly]; unpacked when a kernel is opened

const FAMILY_COLORS = {
  "element-wise": "element",
  products: "product",
  convolutions: "product",
  reductions: "reduction",
  moves: "move",
  random: "move",
  sort: "control",
  control: "control",
  host: "host",
  input: "input",
  const: "input",
};
const FAMILIES = [
  ["element-wise", "element"],
  ["products", "product"],
  ["reductions", "reduction"],
  ["moves", "move"],
  ["control", "control"],
  ["host", "host"],
  ["inputs", "input"],
];

const colorOf = (graph, k) => FAMILY_COLORS[M.operations[graph.operation[k]][1]] || "move";

/** What is worked out once: who uses a value, kernels and lines of values, where names are. */
function prepare(model) {
  M = model;
  M.graphs.forEach((graph, number) => {
    graph.number = number;
    graph.id = graph.main ? graph.stage : `${graph.stage}@${graph.label}`;
    graph.users = graph.name.map(() => []);
    graph.operands.forEach((operands, k) => operands.forEach((x) => graph.users[x].push(k)));
    graph.kernels = graph.name.map(() => []);
    graph.byName = new Map(graph.name.map((name, k) => [name, k]));
    graph.outputNames = graph.name.map(() => []);
    graph.outputs.forEach(([name, k]) => graph.outputNames[k].push(name));
  });
  M.kernels.forEach((kernel, number) => {
    kernel.total = kernel.flops * kernel.runs;
    kernel.color = colorOfKernel(kernel);
    kernel.values.forEach(([g, k]) => M.graphs[g].kernels[k].push(number));
  });
  const byWork = (a, b) => M.kernels[b].total - M.kernels[a].total;
  M.graphs.forEach((graph) => graph.kernels.forEach((kernels) => kernels.sort(byWork)));
  M.lineUse = M.lines.map(() => ({ traced: [], after: [], kernels: [], flops: 0 }));
  for (const graph of M.graphs) {
    graph.line.forEach((line, k) => {
      if (line < 0) return;
      const use = M.lineUse[line];
      (graph.stage === "traced" ? use.traced : use.after).push([graph.number, k]);
      if (graph.stage !== "traced") use.flops += graph.flops[k];
    });
  }
  M.kernels.forEach((kernel, number) => kernel.lines.forEach((line) => M.lineUse[line].kernels.push(number)));
  M.lineUse.forEach((use) => use.kernels.sort(byWork));
}

/** The family that computes most of a kernel. */
function colorOfKernel(kernel) {
  const found = {};
  for (const [g, k] of kernel.values) {
    const graph = M.graphs[g],
      color = colorOf(graph, k);
    found[color] = (found[color] || 0) + graph.flops[k] + 1e-9 * (graph.bytes[k] + 1);
  }
  return Object.keys(found).sort((a, b) => found[b] - found[a])[0] || "move";
}

const graphById = (id) => M.graphs.find((graph) => graph.id === id);
const mainGraph = (stage) => M.graphs.find((graph) => graph.id === stage);
const typeOf = (graph, k) => M.types[graph.type[k]];
const opOf = (graph, k) => M.operations[graph.operation[k]][0];
const lineName = (line) => `${M.lines[line][0]}:${M.lines[line][1]}`;

// ------------------------------------------------------------------------------------- texts of stages

const texts = []; // of the stages from 0 (traced), each worked out of the one before

/** The lines of the graph's text after so many passes. */
function stageText(number) {
  texts[0] = M.text;
  for (let k = 1; k <= number; k++) {
    if (texts[k]) continue;
    const lines = [],
      before = texts[k - 1];
    let at = 0;
    for (const [first, count, made] of M.passes[k - 1][4]) {
      for (; at < first; at++) lines.push(before[at]);
      for (const line of made) lines.push(line);
      at = first + count;
    }
    for (; at < before.length; at++) lines.push(before[at]);
    texts[k] = M.passes[k - 1][4].length ? lines : before;
  }
  return texts[number];
}

/** Name of each value of a graph -> its line in the text of its stage. */
function textLines(graph) {
  if (graph.textLines) return graph.textLines;
  graph.textLines = new Map();
  let label = "";
  for (const line of stageText(graph.stage === "traced" ? 0 : M.passes.length)) {
    const head = /^graph @("(?:[^"\\]|\\.)*"|[\w.]+)/.exec(line);
    if (head) label = head[1].startsWith('"') ? JSON.parse(head[1]) : head[1];
    const name = label === graph.label && valueName(line);
    if (name) graph.textLines.set(name, line);
  }
  return graph.textLines;
}

/** The name of the value that a line of a text makes. */
function valueName(line) {
  const found = /^  %("(?:[^"\\]|\\.)*"|[\w.]+):/.exec(line);
  return found && (found[1].startsWith('"') ? JSON.parse(found[1]) : found[1]);
}

// --------------------------------------------------------------------------------------------- numbers

function amount(count) {
  for (const unit of ["", " K", " M", " G", " T", " P"]) {
    if (Math.abs(count) < 999.5 || unit === " P") return unit ? `${+count.toPrecision(3)}${unit}` : `${count}`;
    count /= 1000;
  }
}

function bytes(count) {
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (count < 1024 || unit === "GiB")
      return unit === "B" ? `${count} B` : `${count.toFixed(count < 100 ? 1 : 0)} ${unit}`;
    count /= 1024;
  }
}

const largest = (numbers, least = 1) => numbers.reduce((most, number) => Math.max(most, number), least);
const duration = (us) =>
  us < 1000
    ? `${us.toFixed(us < 10 ? 2 : 1)} µs`
    : us < 1e6
      ? `${(us / 1000).toFixed(2)} ms`
      : `${(us / 1e6).toFixed(2)} s`;
const plural = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

// ---------------------------------------------------------------------------------------- what is chosen

// The address holds it: #VIEW/KIND/KEY, KIND one of value (KEY: graph/name), kernel (name), line, buffer, step, pass.
const S = { view: "graph", kind: "", key: "" };
const views = {}; // name -> {title, letter, build(), choose(), ...}; each file of a view adds its own

function address(view, kind = "", key = "") {
  return `#${[view, kind, key]
    .filter(Boolean)
    .map((part) => part.split("/").map(encodeURIComponent).join("/"))
    .join("/")}`;
}

/** Go somewhere; the browser's own back button leads back. */
function go(view, kind = S.kind, key = S.key) {
  const wanted = address(view, kind, key);
  if (wanted !== location.hash) location.hash = wanted;
}

const choose = (kind, key) => go(S.view, kind, key);

function readAddress() {
  const [view, kind, ...key] = location.hash
    .slice(1)
    .split("/")
    .map((part) => {
      try {
        return decodeURIComponent(part);
      } catch {
        return part;
      }
    });
  S.view = Object.hasOwn(views, view) ? view : "graph";
  S.kind = kind || "";
  S.key = key.join("/");
}

/** The graph and position of the value that is chosen; [null, -1] if none is. */
function chosenValue() {
  if (S.kind !== "value") return [null, -1];
  const cut = S.key.indexOf("/"),
    graph = graphById(S.key.slice(0, cut)),
    k = graph?.byName.get(S.key.slice(cut + 1));
  return k === undefined ? [null, -1] : [graph, k];
}

const valueKey = (graph, k) => `${graph.id}/${graph.name[k]}`;
const chosenKernel = () => (S.kind === "kernel" ? M.kernels.findIndex((kernel) => kernel.name === S.key) : -1);
const chosenLine = () => (S.kind === "line" ? M.lines.findIndex((_, line) => lineName(line) === S.key) : -1);

// ------------------------------------------------------------------------------------------------- tips

function tip(text, event) {
  const box = $("tip");
  box.hidden = !text;
  if (!text) return;
  box.textContent = text;
  const { width, height } = box.getBoundingClientRect();
  box.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 8))}px`;
  box.style.top = `${event.clientY + 18 + height > innerHeight ? event.clientY - height - 10 : event.clientY + 18}px`;
}

const say = (text) => {
  $("said").textContent = text;
};
const themeColor = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
