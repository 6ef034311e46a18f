// What is known of the thing that is chosen, with a link to everything it has to do with.

const MOST = 12; // of a list that are shown at first

/** A list of links, the rest behind a button. */
function links(items, made, most = MOST) {
  const list = el("ul", {}, ...items.slice(0, most).map(made));
  if (items.length <= most) return list;
  const more = el("button", {
    class: "more",
    type: "button",
    text: `and ${items.length - most} more`,
    click: () => more.replaceWith(...items.slice(most, most + 500).map(made)),
  });
  list.append(more);
  return list;
}

const section = (title, ...content) => [el("h3", { text: title }), ...content];
const facts = (rows) =>
  el(
    "table",
    {},
    ...rows
      .filter(([, value]) => value !== "" && value !== null && value !== undefined)
      .map(([name, value]) =>
        el(
          "tr",
          {},
          el("th", { scope: "row", text: name }),
          typeof value === "object" ? el("td", {}, value) : el("td", { text: value }),
        ),
      ),
  );
const valueLink = (graph, k) =>
  el(
    "li",
    {},
    el("a", { href: address("graph", "value", valueKey(graph, k)), text: `%${graph.name[k]}` }),
    el("span", { text: ` ${graph.value[k] ?? typeOf(graph, k)}` }),
  );
const kernelLink = (k) =>
  el(
    "li",
    {},
    el("a", { href: address("kernels", "kernel", M.kernels[k].name), text: M.kernels[k].name }),
    el("span", { text: ` ${amount(M.kernels[k].total)} FLOPs, ${bytes(M.kernels[k].bytes)}` }),
  );
const lineLink = (line) =>
  el(
    "li",
    {},
    el("a", { href: address("source", "line", lineName(line)), text: lineName(line) }),
    el("span", { text: `  ${M.lines[line][2]}` }),
  );
const bufferLink = (k) =>
  el(
    "li",
    {},
    el("a", { href: address("memory", "buffer", M.memory.buffers[k][0]), text: M.memory.buffers[k][0] }),
    el("span", { text: ` ${M.memory.buffers[k][2]}, ${bytes(M.memory.buffers[k][4])}` }),
  );
const placeLink = ([g, k]) => valueLink(M.graphs[g], k);
const heading = (title, family, kind) => [
  el("h2", { text: title }),
  el("p", { class: "kind" }, el("i", { family }), kind),
];

/** Name of each value -> the passes that wrote a line for it. */
function history(name) {
  if (!history.found) {
    history.found = new Map();
    M.passes.forEach(([, , , , edits], number) =>
      edits.forEach(([, , made]) =>
        made.forEach((line) => {
          const value = valueName(line);
          if (!value) return;
          const found = history.found.get(value) || [];
          if (found.at(-1) !== number) found.push(number);
          history.found.set(value, found);
        }),
      ),
    );
  }
  return history.found.get(name) || [];
}

const describe = {
  value(key) {
    const cutAt = key.indexOf("/"),
      graph = graphById(key.slice(0, cutAt)),
      k = graph?.byName.get(key.slice(cutAt + 1));
    if (k === undefined) return null;
    const name = graph.name[k],
      family = M.operations[graph.operation[k]][1],
      other = graph.main && mainGraph(graph.stage === "traced" ? "optimised" : "traced"),
      there = other?.byName.get(name);
    const operands = graph.operands[k],
      users = [...new Set(graph.users[k])],
      bodies = graph.bodies[k] || [],
      buffers = M.memory.buffers.flatMap((b, n) => (b[7] && M.graphs[b[7][0]] === graph && b[7][1] === k ? [n] : []));
    const text = textLines(graph).get(name),
      changed = history(name),
      became = passReasons(graph, k);
    return [
      ...heading(`%${name}`, colorOf(graph, k), `${opOf(graph, k)}${family !== opOf(graph, k) ? `, ${family}` : ""}`),
      facts([
        ["type", typeOf(graph, k)],
        ["value", graph.value[k]],
        ["FLOPs", graph.flops[k] ? amount(graph.flops[k]) : ""],
        ["bytes", bytes(graph.bytes[k])],
        ["output", graph.outputNames[k].join(", ")],
        ["scope", graph.scope[k] >= 0 ? M.scopes[graph.scope[k]] : ""],
        ["graph", graph.stage === "traced" ? "as traced" : "after the passes"],
        [
          graph.stage === "traced" ? "later" : "earlier",
          other
            ? there === undefined
              ? graph.stage === "traced" && !became.length
                ? `not there; graphc inspect MODEL --why ${name} follows it`
                : "not there"
              : el("a", {
                  href: address("graph", "value", valueKey(other, there)),
                  text: other.stage === "traced" ? "as traced" : "after the passes",
                })
            : "",
        ],
      ]),
      ...(graph.line[k] >= 0 ? section("line of the program", links([graph.line[k]], lineLink)) : []),
      ...(graph.stage !== "traced" && graph.kernels[k].length
        ? section("computed in", links(graph.kernels[k], kernelLink))
        : []),
      ...became,
      ...fusionReasons(graph, k),
      ...(bodies.length
        ? section(
            "runs",
            links(bodies, (label) =>
              el("li", {}, el("a", { href: address("graph", "frame", `${graph.stage}@${label}/`), text: `@${label}` })),
            ),
          )
        : []),
      ...(operands.length
        ? section(
            "takes",
            links(operands, (x) => valueLink(graph, x)),
          )
        : []),
      ...(users.length
        ? section(
            "used by",
            links(users, (x) => valueLink(graph, x)),
          )
        : []),
      ...(buffers.length ? section("lies in", links(buffers, bufferLink)) : []),
      ...(changed.length
        ? section(
            "written by the passes",
            links(changed, (number) => el("li", {}, passLink(number))),
          )
        : []),
      ...(text ? section("text", el("pre", { text: text.trim() })) : []),
    ];
  },

  frame(key) {
    const cutAt = key.indexOf("/"),
      graph = graphById(key.slice(0, cutAt)),
      number = graph?.byPath?.get(key.slice(cutAt + 1));
    if (number === undefined) return null;
    const frame = graph.frame[number],
      inside = new Set([number]);
    graph.frame.forEach((f) => {
      if (inside.has(f.parent)) inside.add(f.number);
    });
    const values = graph.name.map((_, k) => k).filter((k) => inside.has(graph.home[k]) && graph.row[k] >= 0),
      kernels = [...new Set(values.flatMap((k) => graph.kernels[k]))];
    const turn = el("button", {
      class: "more",
      type: "button",
      text: graph.isOpen[number] ? "Close" : "Open",
      click: () => {
        views.graph.turn(number);
        showDetails(S.kind, S.key);
      },
    });
    return [
      ...heading(frame.name || graph.label, "move", frame.depth ? "name scope or line" : "graph"),
      facts([
        ["in", graph.frame[frame.parent]?.path],
        ["values", frame.count],
        ["FLOPs", amount(frame.flops)],
        ["of all", `${((100 * frame.flops) / Math.max(1, graph.frame[0].flops)).toFixed(1)} %`],
        ["", number ? turn : ""],
      ]),
      ...(kernels.length ? section("computed in", links(kernels, kernelLink)) : []),
      ...section(
        "values",
        links(values, (k) => valueLink(graph, k)),
      ),
    ];
  },

  kernel(key) {
    const number = M.kernels.findIndex((kernel) => kernel.name === key),
      kernel = M.kernels[number];
    if (!kernel) return null;
    const steps = M.memory.steps.map((step, k) => [step, k]).filter(([step]) => step[1].includes(number)),
      measured = T.timeline?.kernels[key];
    return [
      ...heading(kernel.name, kernel.color, "kernel"),
      facts([
        ["runs", `${amount(kernel.runs)} in one run`],
        [
          "FLOPs",
          kernel.runs > 1 ? `${amount(kernel.flops)} each, ${amount(kernel.total)} in all` : amount(kernel.flops),
        ],
        ["moves", `${bytes(kernel.bytes)} each`],
        ["intensity", kernel.bytes ? `${(kernel.flops / kernel.bytes).toPrecision(3)} FLOPs a byte` : ""],
        ["time", measured ? `${duration(measured[0])}, ${(100 * measured[1]).toFixed(1)} % of a run` : ""],
        ["bound by", measured?.[2] ?? ""],
        ["function", M.forms[1][1] === "llvm" ? `k_${kernel.name}` : kernel.name],
      ]),
      ...section(
        "arrays",
        el(
          "ul",
          {},
          ...kernel.arrays.map(([name, type, written], k) => {
            const buffer = M.memory.buffers[kernel.given[k]];
            return el(
              "li",
              {},
              el("code", { text: name }),
              el("span", { text: ` ${type}, ${written ? "writes" : "reads"} ` }),
              buffer && el("a", { href: address("memory", "buffer", buffer[0]), text: buffer[0] }),
            );
          }),
        ),
      ),
      ...(kernel.values.length ? section("computes", links(kernel.values, placeLink)) : []),
      ...(kernel.lines.length ? section("lines of the program", links(kernel.lines, lineLink)) : []),
      ...section(
        "launched in",
        links(steps, ([step, k]) =>
          el(
            "li",
            {},
            el("a", { href: address(S.view, "step", `${k + 1}`), text: `step ${k + 1}` }),
            el("span", { text: ` ${cut(step[0], 90)}` }),
          ),
        ),
      ),
    ];
  },

  line(key) {
    const line = M.lines.findIndex((_, k) => lineName(k) === key);
    if (line < 0) return null;
    const use = M.lineUse[line];
    return [
      ...heading(key, "move", "line of the program"),
      ...(M.lines[line][2] ? [el("pre", { text: M.lines[line][2] })] : []),
      facts([
        ["FLOPs", amount(use.flops)],
        ["values", `${use.traced.length} traced, ${use.after.length} after the passes`],
      ]),
      ...(use.kernels.length ? section("kernels", links(use.kernels, kernelLink)) : []),
      ...(use.after.length ? section("after the passes", links(use.after, placeLink)) : []),
      ...(use.traced.length ? section("as traced", links(use.traced, placeLink)) : []),
    ];
  },

  buffer(key) {
    const number = M.memory.buffers.findIndex(([name]) => name === key),
      buffer = M.memory.buffers[number];
    if (!buffer) return null;
    const [name, type, place, offset, size, first, last, value] = buffer,
      steps = M.memory.steps.map((step, k) => [step, k]).filter(([step]) => step[2].includes(number));
    return [
      ...heading(name, value ? colorOf(M.graphs[value[0]], value[1]) : "move", "buffer"),
      facts([
        ["type", type],
        ["bytes", bytes(size)],
        ["place", place],
        [place === "arena" || place === "constant" ? "offset" : "number", offset],
        ["in use", first < 0 ? "never" : `steps ${first + 1} to ${last + 1}`],
      ]),
      ...(value ? section("made for", links([value], placeLink)) : []),
      ...memoryReasons(number),
      ...section("steps", links(steps, stepLink)),
    ];
  },

  step(key) {
    const step = M.memory.steps[+key - 1];
    if (!step) return null;
    return [
      ...heading(`step ${key}`, strip.color(step), "of one run"),
      el("pre", { text: step[0] }),
      ...(step[1].length ? section("kernels", links(step[1], kernelLink)) : []),
      ...(step[2].length ? section("buffers", links(step[2], bufferLink)) : []),
    ];
  },

  pass(key) {
    const number = M.passes.findIndex(([name]) => name === key),
      pass = M.passes[number];
    if (!pass) return null;
    const made = [...new Set(pass[4].flatMap(([, , lines]) => lines.map(valueName)).filter(Boolean))],
      graph = mainGraph("optimised");
    return [
      ...heading(pass[0], "accent", `pass ${number + 1} of ${M.passes.length}`),
      facts([
        ["values", `${pass[1]} → ${pass[2]}`],
        ["time", passTime(number)],
        ["changed", pass[3] ? plural(pass[4].length, "place") : "nothing"],
      ]),
      ...(M.replaced[number].length
        ? section(
            "replaced",
            links(M.replaced[number], (row) => el("li", {}, ...replacedLine(row))),
          )
        : []),
      ...(made.length
        ? section(
            "wrote",
            links(made, (name) =>
              graph.byName.has(name) ? valueLink(graph, graph.byName.get(name)) : el("li", { text: `%${name}` }),
            ),
          )
        : []),
    ];
  },
};

const stepLink = ([step, k]) =>
  el(
    "li",
    {},
    el("a", { href: address(S.view, "step", `${k + 1}`), text: `step ${k + 1}` }),
    el("span", { text: ` ${cut(step[0], 70)}` }),
  );

/** What is told where nothing is chosen. */
function overview() {
  const list = (title, params) =>
    params.length
      ? section(
          title,
          links(params, ([name, type]) => {
            const graph = mainGraph("optimised"),
              k = title === "inputs" ? graph.byName.get(name) : graph.outputs.find(([output]) => output === name)?.[1];
            return el(
              "li",
              {},
              k === undefined ? name : el("a", { href: address("graph", "value", valueKey(graph, k)), text: name }),
              el("span", { text: ` ${type}` }),
            );
          }),
        )
      : [];
  const formulas = Object.entries(M.formulas).map(([name, text]) => [name.replace("_", " "), text]);
  return [
    ...heading(M.name, "accent", `compiled for ${M.target}`),
    facts([
      ["values", `${M.summary.nodes} traced, ${M.summary.optimised_nodes} after the passes`],
      ["kernels", `${M.summary.kernels}, launched ${M.summary.launches} times`],
      ["on the host", M.summary.host_steps ? plural(M.summary.host_steps, "step") : ""],
      ["numbers", M.condition || "sizes are fixed"],
      ["graphc", M.graphc],
    ]),
    ...list("inputs", M.inputs),
    ...list("outputs", M.outputs),
    ...(M.legend.length ? section("sizes", el("ul", {}, ...M.legend.map((text) => el("li", { text })))) : []),
    ...(formulas.length ? section("formulas", facts(formulas)) : []),
  ];
}

function showDetails(kind, key) {
  const found = Object.hasOwn(describe, kind) ? describe[kind](key) : null;
  if (kind && !found && kind !== "pass")
    $("details").replaceChildren(el("h2", { text: key }), el("p", { class: "kind", text: "is not in this page" }));
  else $("details").replaceChildren(...(found || overview()));
  $("right").scrollTop = 0;
  if (found) say(`${kind} ${key}`);
}
