// Why: what passes, fusion and memory decided of a value or a buffer, in the compiler's own words.

const FEW = 4; // reasons of one kind that are shown at first

/** Links in a row of text, the first of them. */
const commas = (links) => [
  ...links.slice(0, FEW).flatMap((link, n) => (n ? [", ", link] : [link])),
  ...(links.length > FEW ? [` and ${links.length - FEW} more`] : []),
];
const because = (number) => el("span", { text: `: ${M.sentences[number]}` });

/** A value by the label of its graph and its name, as a link where one of these stages has it. */
function nameLink(label, name, ...stages) {
  for (const stage of stages) {
    const graph = M.graphs.find((g) => g.stage === stage && g.label === label),
      k = graph?.byName.get(name);
    if (k !== undefined) return el("a", { href: address("graph", "value", valueKey(graph, k)), text: `%${name}` });
  }
  return el("span", { text: `%${name}` });
}

/** A pass by its number; lowering comes after the last. */
const passLink = (number) =>
  number < M.passes.length
    ? el("a", { href: address("passes", "pass", M.passes[number][0]), text: M.passes[number][0] })
    : el("span", { text: "lowering" });

// ---------------------------------------------------------------------------------------------- fusion

/** What fusion made of a value: whether it is in memory, which other kernels read it, what is not computed with it. */
function fusionReasons(graph, k) {
  const said = M.sentences[graph.fate?.[k]];
  if (!said) return [];
  const link = (n) => el("a", { href: address("kernels", "kernel", M.kernels[n].name), text: M.kernels[n].name }),
    readers = [...new Set(graph.users[k].flatMap((x) => graph.kernels[x]))].filter((n) => !graph.kernels[k].includes(n)),
    apart = new Map(); // sentence -> the others
  for (const [why, a, b] of graph.apart)
    if (a === k || b === k) apart.set(why, [...(apart.get(why) || []), a === k ? b : a]);
  const named = (others) => commas(others.map((x) => nameLink(graph.label, graph.name[x], graph.stage)));
  return [
    ...section("fusion", el("p", {}, said, ...(readers.length ? [" (", ...commas(readers.map(link)), ")"] : []))),
    ...(apart.size
      ? section(
          "not in one kernel with",
          links([...apart], ([why, others]) => el("li", {}, ...named(others), because(why)), FEW),
        )
      : []),
  ];
}

// ---------------------------------------------------------------------------------------------- passes

/** What took the place of a value, from a pass of that number on: [number of the pass, row of M.replaced]. */
function replacements(label, name, from) {
  const found = [];
  let names = [name];
  for (let number = from; number < M.replaced.length; number++) {
    const here = M.replaced[number].filter((row) => row[0] === label && names.includes(row[1])),
      gone = new Set(here.map(([, old]) => old));
    found.push(...here.map((row) => [number, row]));
    names = [...new Set([...names.filter((n) => !gone.has(n)), ...here.flatMap(([, , made]) => made)])];
  }
  return found;
}

/** Whose place a value has, and theirs, as far as they are known; in the order of the passes. */
function originals(label, name) {
  const found = [],
    wanted = new Set([name]);
  for (let number = M.replaced.length - 1; number >= 0; number--) {
    const here = M.replaced[number].filter((row) => row[0] === label && row[2].some((made) => wanted.has(made)));
    for (const row of here) wanted.add(row[1]);
    found.unshift(...here.map((row) => [number, row]));
  }
  return found;
}

/** One replacement: what stands in whose place, and how that is known. */
function replacedLine([label, old, made, how]) {
  const rest = `, ${M.sentences[how]}`;
  if (made.length === 1 && made[0] === old)
    return [nameLink(label, old, "optimised", "traced"), el("span", { text: ` written anew${rest}` })];
  const targets = commas(made.map((name) => nameLink(label, name, "optimised", "traced")));
  return [nameLink(label, old, "traced"), " → ", ...targets, el("span", { text: rest })];
}

/** What took the place of a value in later stages, and whose place it has itself. */
function passReasons(graph, k) {
  const name = graph.name[k],
    isTraced = graph.stage === "traced",
    line = ([number, row]) => el("li", {}, passLink(number), ": ", ...replacedLine(row)),
    later = replacements(graph.label, name, isTraced ? 0 : M.passes.length),
    before = isTraced ? [] : originals(graph.label, name);
  return [
    ...(before.length ? section("in the place of", links(before, line, FEW)) : []),
    ...(later.length ? section("replaced", links(later, line, FEW)) : []),
  ];
}

// ---------------------------------------------------------------------------------------------- memory

/** Whose memory a buffer has, and why it has not that of others. */
function memoryReasons(number) {
  const [name] = M.memory.buffers[number],
    link = (buffer) =>
      M.memory.buffers.some(([other]) => other === buffer)
        ? el("a", { href: address("memory", "buffer", buffer), text: buffer })
        : el("span", { text: buffer }),
    line = (how) => ([, other, why]) => el("li", {}, how, link(other), because(why)),
    own = (rows) => rows.filter(([buffer]) => buffer === name),
    over = own(M.memory.over),
    separate = own(M.memory.separate),
    after = over.length ? [] : earlier(number);
  return [
    ...(over.length ? section("in the memory of another one", links(over, line("over "), FEW)) : []),
    ...(after.length ? section("in memory that is free by then", el("p", {}, "after ", ...commas(after.map(link)))) : []),
    ...(separate.length ? section("not in the memory of", links(separate, line(""), FEW)) : []),
  ];
}

/** The names of at most two buffers that lay last where a buffer lies. */
function earlier(number) {
  const [, , place, offset, size, first] = M.memory.buffers[number];
  if (place !== "arena" || first < 0) return [];
  return M.memory.buffers
    .filter(([, , kind, at, long, , last]) => kind === place && at < offset + size && offset < at + long && last >= 0 && last < first)
    .sort((a, b) => b[6] - a[6])
    .slice(0, 2)
    .map(([name]) => name);
}
