// Where boxes lie: rows and places were worked out ahead for closed frames; what is opened moves its neighbours aside.

const GAP = 18,
  ROW_GAP = 34,
  HIGH = 38,
  FRAME_HIGH = 44,
  HEAD = 24,
  PAD = 16;

/** What a graph's frames hold: for each frame its items in rows, how many values are in it and what they compute. */
function frameTree(graph) {
  graph.frame = graph.frames.map(([name, parent, row, x, width], number) => ({
    name,
    parent,
    row,
    x,
    width,
    number,
    items: [],
    count: 0,
    flops: 0,
    mix: {},
    path: "",
    depth: 0,
  }));
  graph.frame.forEach((frame) => {
    const around = graph.frame[frame.parent];
    if (!around) return;
    frame.path = around.path ? `${around.path}/${frame.name}` : frame.name;
    frame.depth = around.depth + 1;
  });
  const met = new Set([0]);
  graph.home.forEach((home, k) => {
    if (graph.row[k] < 0) return;
    for (let f = home; !met.has(f); f = graph.frame[f].parent) {
      met.add(f);
      graph.frame[graph.frame[f].parent].items.push({ frame: f, row: graph.frame[f].row, x: graph.frame[f].x });
    }
    graph.frame[home].items.push({ value: k, row: graph.row[k], x: graph.x[k] });
    for (let f = home; f >= 0; f = graph.frame[f].parent) {
      graph.frame[f].count++;
      graph.frame[f].flops += graph.flops[k];
      const color = colorOf(graph, k);
      graph.frame[f].mix[color] = (graph.frame[f].mix[color] || 0) + 1;
    }
  });
  for (const frame of graph.frame) {
    frame.items.sort((a, b) => a.row - b.row || a.x - b.x);
    frame.rows = [];
    for (const item of frame.items) (frame.rows[item.row] ||= []).push(item);
    frame.rows = frame.rows.filter(Boolean);
  }
  graph.byPath = new Map(graph.frame.map((frame) => [frame.path, frame.number]));
  graph.isOpen = graph.frame.map((frame) => frame.number === 0 || graph.open);
  if (!graph.open) openFirst(graph);
}

/** Open the outermost frames of a large graph, level by level, as long as it stays easy to look over. */
function openFirst(graph, most = 150) {
  let level = [0],
    count = graph.frame[0].items.length;
  while (level.length) {
    const next = level.flatMap((f) =>
      graph.frame[f].items.filter((item) => item.frame !== undefined).map((item) => item.frame),
    );
    const isAlone = count === 1 && next.length === 1;
    count += next.reduce((sum, f) => sum + graph.frame[f].items.length, -next.length);
    if (count > most && !isAlone) return;
    next.forEach((f) => {
      graph.isOpen[f] = true;
    });
    level = next;
  }
}

/** The middles of a row's items, in order, as near as can be to where they are wanted. */
function spread(wanted, widths) {
  const sums = [],
    counts = [],
    offsets = [];
  let offset = 0;
  for (let k = 0; k < widths.length; k++) {
    if (k) offset += (widths[k - 1] + widths[k]) / 2 + GAP;
    offsets.push(offset);
    sums.push(wanted[k] - offset);
    counts.push(1);
    while (sums.length > 1 && sums.at(-2) * counts.at(-1) > sums.at(-1) * counts.at(-2)) {
      const sum = sums.pop(),
        count = counts.pop();
      sums[sums.length - 1] += sum;
      counts[counts.length - 1] += count;
    }
  }
  const found = [];
  sums.forEach((sum, block) => {
    for (let n = counts[block]; n; n--) found.push(sum / counts[block] + offsets[found.length]);
  });
  return found;
}

/** Sizes of an open frame and places in it; deep as scopes are. */
function measured(graph, frame, sizes) {
  let y = frame.number ? HEAD + PAD : 0,
    left = Infinity,
    right = -Infinity;
  const places = [];
  for (const row of frame.rows) {
    const inner = row.map((item) => {
      if (item.value !== undefined) return [graph.width[item.value], HIGH];
      const inside = graph.frame[item.frame];
      return graph.isOpen[item.frame] ? measured(graph, inside, sizes) : [inside.width, FRAME_HIGH];
    });
    const middles = spread(
      row.map((item) => item.x),
      inner.map(([width]) => width),
    );
    const high = Math.max(...inner.map(([, height]) => height));
    row.forEach((item, k) => {
      const [width, height] = inner[k],
        x = middles[k] - width / 2;
      left = Math.min(left, x);
      right = Math.max(right, x + width);
      places.push([item, x, y + (high - height) / 2, width, height]);
    });
    y += high + ROW_GAP;
  }
  if (!places.length) left = right = 0;
  const margin = frame.number ? PAD : 0,
    head = frame.number ? frame.name.length * 7.2 + 90 : 0;
  const width = Math.max(right - left + 2 * margin, head),
    shift = (width - (right - left)) / 2 - left;
  places.forEach((place) => {
    place[1] += shift;
  });
  sizes[frame.number] = places;
  return [width, y - ROW_GAP + margin];
}

/** Every box that is seen, those of open frames before what is in them, and the arrows between boxes. */
function arrange(graph) {
  if (!graph.frame) frameTree(graph);
  const sizes = [],
    boxes = [],
    boxOf = new Int32Array(graph.name.length).fill(-1),
    frameBox = [];
  const [width, height] = measured(graph, graph.frame[0], sizes);
  const stack = [[0, 0, 0]];
  while (stack.length) {
    const [number, left, top] = stack.pop();
    for (const [item, x, y, w, h] of sizes[number]) {
      const box = { x: left + x, y: top + y, w, h, value: item.value ?? -1, frame: item.frame ?? -1, open: false };
      if (item.value !== undefined) boxOf[item.value] = boxes.length;
      else {
        frameBox[item.frame] = boxes.length;
        box.open = graph.isOpen[item.frame];
        if (box.open) stack.push([item.frame, box.x, box.y]);
      }
      boxes.push(box);
    }
  }
  const closed = []; // the box that each frame is shown by, where it or one around it is closed
  graph.frame.forEach((frame) => {
    closed[frame.number] =
      frame.number === 0
        ? -1
        : closed[frame.parent] >= 0
          ? closed[frame.parent]
          : graph.isOpen[frame.number]
            ? -1
            : frameBox[frame.number];
  });
  for (let k = 0; k < boxOf.length; k++) if (graph.row[k] >= 0 && boxOf[k] < 0) boxOf[k] = closed[graph.home[k]];
  return { width, height, boxes, boxOf, frameBox, ...arrows(graph, boxes, boxOf) };
}

/** Which boxes arrows lead from and to, each pair once. */
function arrows(graph, boxes, boxOf) {
  const met = new Set(),
    from = [],
    to = [];
  graph.operands.forEach((operands, k) => {
    const b = boxOf[k];
    if (b < 0) return;
    for (const x of operands) {
      const a = boxOf[x];
      if (a < 0 || a === b || met.has(a * boxes.length + b)) continue;
      met.add(a * boxes.length + b);
      from.push(a);
      to.push(b);
    }
  });
  return { from: Int32Array.from(from), to: Int32Array.from(to) };
}
