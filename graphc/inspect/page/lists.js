// Lists of any length: only the rows that are seen are elements.

class List {
  /**
   * @param label what it is, for screen readers; row(k, element): fill the element of one row; pick(k): a row was chosen.
   * @param options height of a row; role of the list and of rows; width in letters of the longest row.
   */
  constructor(label, row, pick, { height = 26, role = "listbox", item = "option", classes = "list" } = {}) {
    this.row = row;
    this.pick = pick;
    this.height = height;
    this.item = item;
    this.count = 0;
    this.chosen = -1;
    this.inner = el("div");
    this.element = el("div", { class: classes, role, "aria-label": label, tabindex: 0 }, this.inner);
    this.element.addEventListener("scroll", () => this.draw(), { passive: true });
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (row && this.pick && !event.defaultPrevented) this.pick(+row.dataset.k, event);
    });
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  /** Show so many rows anew. */
  set(count, chosen = -1) {
    this.count = count;
    this.chosen = chosen;
    this.inner.style.height = `${count * this.height}px`;
    this.first = -1;
    this.draw();
  }

  draw() {
    const top = this.element.scrollTop,
      first = Math.max(0, Math.floor(top / this.height) - 6);
    const last = Math.min(this.count, Math.ceil((top + this.element.clientHeight) / this.height) + 6);
    if (first === this.first && last === this.last) return;
    this.first = first;
    this.last = last;
    const rows = [];
    for (let k = first; k < last; k++) {
      const row = el("div", {
        class: "row",
        role: this.item,
        "data-k": k,
        id: `${(this.id ||= `l${List.made++}`)}-${k}`,
        "aria-setsize": this.count,
        "aria-posinset": k + 1,
      });
      if (this.pick) row.setAttribute("aria-selected", k === this.chosen);
      row.style.top = `${k * this.height}px`;
      row.style.height = `${this.height}px`;
      this.row(k, row);
      rows.push(row);
    }
    this.inner.replaceChildren(...rows);
    if (this.chosen >= 0) this.element.setAttribute("aria-activedescendant", `${this.id}-${this.chosen}`);
  }

  /** Mark a row, and bring it into sight. */
  choose(k) {
    this.chosen = k;
    this.first = -1;
    if (k >= 0) this.reveal(k);
    this.draw();
  }

  reveal(k) {
    const top = k * this.height,
      { scrollTop, clientHeight } = this.element;
    if (top < scrollTop || top + this.height > scrollTop + clientHeight)
      this.element.scrollTop = top - (clientHeight - this.height) / 2;
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.height) - 1);
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -this.count, End: this.count }[
      event.key
    ];
    if (by === undefined || !this.pick || !this.count || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.pick(
      Math.max(0, Math.min(this.count - 1, (this.chosen < 0 ? -Math.sign(by) * (by < 0) : this.chosen) + by)),
      event,
    );
  }
}
List.made = 0;

/** A list with heads of columns that sort it. */
class Table {
  /** columns: [title, class, (k) -> number or text, (k) -> what is shown]; the first is the name. */
  constructor(label, columns, count, pick, { mark, under } = {}) {
    this.columns = columns;
    this.order = [...Array(count).keys()];
    this.heads = el("div", { class: "heads" });
    this.list = new List(
      label,
      (k, row) => {
        const item = this.order[k];
        if (mark) row.append(el("span", { class: "mark", family: mark(item) }));
        columns.forEach(([, cell, , show]) => row.append(el("span", { class: cell, text: show(item) })));
        if (under) {
          const bar = el("span", { class: "bar-under", family: mark && mark(item) });
          bar.style.width = `${100 * under(item)}%`;
          row.append(bar);
        }
      },
      (k, event) => pick(this.order[k], event),
    );
    this.buttons = columns.map(([title, cell], at) =>
      el("button", { type: "button", class: cell, text: title, click: () => this.sort(at) }),
    );
    this.heads.append(...this.buttons);
    this.elements = [this.heads, this.list.element];
  }

  /** By one column: numbers the largest first, texts by the alphabet. */
  sort(at) {
    const value = this.columns[at][2],
      chosen = this.order[this.list.chosen];
    this.order.sort(
      (a, b) =>
        (typeof value(a) === "number"
          ? value(b) - value(a)
          : value(a).localeCompare(value(b), "en", { numeric: true })) || a - b,
    );
    this.buttons.forEach((button, k) => button.setAttribute("aria-pressed", k === at));
    this.list.set(this.order.length, chosen === undefined ? -1 : this.order.indexOf(chosen));
  }

  choose(item) {
    this.list.choose(this.order.indexOf(item));
  }
}
