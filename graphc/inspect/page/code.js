// Code with line numbers and light colours, of any length.

const WORDS = {
  ir: `for parallel vector unrolled serial if else let set store alloc turn prefetch kernel graph return donates
    require named measures host launch copy repeat while buffer input output constant arena row of`,
  llvm: `define declare ret br label switch call phi load store getelementptr inbounds add sub mul shl lshr ashr and or
    xor fadd fsub fmul fdiv fneg icmp fcmp select bitcast zext sext trunc fptosi sitofp uitofp fptrunc fpext
    ptrtoint inttoptr shufflevector insertelement extractelement alloca align nsw nuw private internal hidden
    constant global unreachable to noalias nounwind readonly target datalayout triple attributes zeroinitializer
    poison undef true false freeze fence atomicrmw cmpxchg volatile oeq olt ogt ole oge une eq ne slt sgt sle sge
    ult ugt ule uge`,
  asm: "",
  cuda: `if else for while return const struct template asm volatile unsigned signed char short int long float double bool
    void extern static_cast reinterpret_cast __global__ __device__ __shared__ __restrict__ __launch_bounds__ __align__
    __syncthreads threadIdx blockIdx gridDim blockDim true false`,
  source: `False None True and as assert async await break class continue def del elif else except finally for from
    global if import in is lambda nonlocal not or pass raise return try while with yield`,
};
for (const [form, words] of Object.entries(WORDS)) WORDS[form] = new Set(words.split(/\s+/));
const TYPES = /^(?:[biuf](?:1|8|16|32|64|128)|bf16|c64|c128|string|void|ptr|double|float|half|bfloat|i\d+|label)$/;
const TOKENS = {
  ir: /("(?:[^"\\]|\\.)*")|([%@](?:"(?:[^"\\]|\\.)*"|[\w.$-]+))|(#.*$)|(-?\b\d[\w.+]*)|([A-Za-z_][\w.]*)|(.[^\w%@"#-]*)/gy,
  llvm: /("(?:[^"\\]|\\.)*")|([%@!](?:"(?:[^"\\]|\\.)*"|[\w.$-]+))|(;.*$)|(-?\b\d[\w.+]*)|([A-Za-z_][\w.]*)|(.[^\w%@"!;-]*)/gy,
  asm: /("(?:[^"\\]|\\.)*")|(%[a-z]\w*|\b[xyz]mm\d+\b|\b[xwvqsd]\d+\b|\.L\w+|\bk_\w+)|(#.*$|\/\/.*$)|([$#]?-?\b\d\w*)|([A-Za-z_.][\w.]*)|(.[^\w%"#.$\/-]*)/gy,
  cuda: /("(?:[^"\\]|\\.)*")|(\0)|(\/\/.*$|#.*$)|(-?\b\d[\w.]*)|([A-Za-z_]\w*)|(.[^\w"#\/]*)/gy,
  source: /("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(\0)|(#.*$)|(\b\d[\w.]*)|([A-Za-z_]\w*)|(.[^\w"'#]*)/gy,
};

/** Append a line to an element, its words coloured. `marked` is a name that is shown wherever it stands. */
function colored(line, form, into, marked) {
  const pattern = TOKENS[form];
  pattern.lastIndex = 0;
  let first = true,
    found;
  while (pattern.lastIndex < line.length && (found = pattern.exec(line)) !== null) {
    const [text, string, name, comment, number, word] = found;
    let kind = string ? "t-string" : name ? "t-name" : comment ? "t-comment" : number ? "t-number" : "";
    if (word)
      kind = WORDS[form].has(word)
        ? "t-word"
        : form !== "source" && form !== "cuda" && TYPES.test(word)
          ? "t-type"
          : form === "asm" && first && !line.slice(pattern.lastIndex).startsWith(":")
            ? "t-word"
            : "";
    if (text.trim()) first = false;
    if (kind || text === marked)
      into.append(el("span", { class: text === marked ? `${kind} same` : kind, text, "data-name": name && text }));
    else into.append(text);
  }
}

/** A view of lines: `rows` are {text, number, sign, kind}. A click on a name shows all places where it stands. */
class Code {
  constructor(label, form, { gutter, after, pick } = {}) {
    this.form = form;
    this.rows = [];
    this.marked = "";
    this.list = new List(
      label,
      (k, element) => this.fill(k, element, gutter, after),
      pick ? (k, event) => pick(this.rows[k], event) : null,
      { height: 18, role: "list", item: "listitem", classes: "code" },
    );
    this.element = this.list.element;
    this.element.addEventListener("click", (event) => {
      const name = event.target.closest?.("[data-name]")?.dataset.name;
      if (name === undefined) return;
      this.marked = this.marked === name ? "" : name;
      this.again();
      this.named?.(this.marked, event);
    });
  }

  fill(k, element, gutter, after) {
    const row = this.rows[k];
    if (row.kind) element.classList.add(row.kind);
    if (k === this.hit) element.classList.add("hit");
    element.append(el("span", { class: "number", text: row.number === undefined ? "" : row.number }));
    if (gutter) element.append(gutter(row));
    if (row.sign !== undefined) element.append(el("span", { class: "sign", text: row.sign }));
    const text = el("span");
    if (row.kind === "gap") text.textContent = row.text;
    else colored(row.text, this.form, text, this.marked);
    element.append(text);
    if (after) element.append(...[after(row)].filter(Boolean));
  }

  set(rows, form = this.form) {
    this.rows = rows;
    this.form = form;
    this.hit = -1;
    const widest = rows.reduce((most, row) => Math.max(most, row.text.length), 0);
    this.list.inner.style.width = `calc(${widest}ch + 110px)`;
    this.element.scrollTop = 0;
    this.list.set(rows.length);
  }

  again() {
    this.list.first = -1;
    this.list.draw();
  }

  show(k) {
    this.hit = k;
    this.list.reveal(k);
    this.again();
  }

  /** Show the next line with a text; false if there is none. */
  find(text, by = 1) {
    const wanted = text.toLowerCase(),
      count = this.rows.length;
    for (let step = 1; step <= count && wanted; step++) {
      const k = (((((this.hit ?? -1) < 0 && by > 0 ? -1 : (this.hit ?? 0)) + by * step) % count) + count) % count;
      if (this.rows[k].text.toLowerCase().includes(wanted)) {
        this.show(k);
        return true;
      }
    }
    return false;
  }
}

/** A field that finds a text in code, and a button that copies all of it. */
function codeTools(code) {
  const field = el("input", {
    type: "search",
    placeholder: "Find in text",
    "aria-label": "Find in this text",
    keydown: (event) => {
      if (event.key === "Enter" && !code.find(field.value, event.shiftKey ? -1 : 1)) say("Not found");
    },
  });
  const copy = el("button", {
    type: "button",
    text: "Copy",
    click: async () => {
      try {
        await navigator.clipboard.writeText(code.rows.map((row) => (row.sign || "") + row.text).join("\n"));
        copy.textContent = "Copied";
      } catch {
        copy.textContent = "Not allowed here";
      }
      setTimeout(() => {
        copy.textContent = "Copy";
      }, 1500);
    },
  });
  return [field, copy];
}
