/* Everything on these pages is there without this script. It adds a switch between light and dark,
   columns that sort, and a box that filters the rows of a table. */
"use strict";

(() => {
  const KEY = "topoeval-theme";
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  // A browser may refuse to store anything for a page on disk; the choice then lasts as long as it.
  function remembered() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  }
  function remember(theme) {
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      /* the choice is kept on this page only */
    }
  }
  const chosen = remembered();
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;

  function element(name, attributes = {}, text = "") {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    return made;
  }

  function addSwitch() {
    const button = element("button", { type: "button", class: "theme" }, "Dark");
    const isDark = () => (root.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
    const show = () => button.setAttribute("aria-pressed", String(isDark()));
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      remember(root.dataset.theme);
      show();
    });
    dark.addEventListener("change", show);
    show();
    document.querySelector(".bar").append(button);
  }

  // A cell holds a number, its small print and perhaps a unit; the first number is what counts.
  function valueOf(cell, numeric) {
    const text = cell.textContent.trim();
    if (!numeric) return text.toLocaleLowerCase();
    const number = Number.parseFloat(text);
    return Number.isNaN(number) ? null : number;
  }

  function order(a, b) {
    if (typeof a === "string") return a.localeCompare(b, undefined, { numeric: true });
    return a - b;
  }

  function addSorting(table) {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
    heads.forEach((head, index) => {
      if (!head.classList.contains("sort")) return;
      const numeric = head.classList.contains("n");
      const button = element("button", { type: "button" }, head.textContent);
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...body.rows].map((row) => ({ row, value: valueOf(row.cells[index], numeric) }));
        // What was not measured stays at the end either way.
        rows.sort((a, b) => {
          if (a.value === null || b.value === null) return (a.value === null) - (b.value === null);
          return down ? order(b.value, a.value) : order(a.value, b.value);
        });
        body.append(...rows.map(({ row }) => row));
      });
    });
  }

  function addFilter(table, index) {
    const rows = [...table.tBodies[0].rows];
    const id = `filter-${index}`;
    const box = element("input", { type: "search", id, autocomplete: "off", spellcheck: "false" });
    const count = element("output", { for: id });
    const line = element("p", { class: "filter" });
    line.append(element("label", { for: id }, `Filter ${table.dataset.filter} `), box, count);
    const texts = rows.map((row) => row.textContent.toLocaleLowerCase());
    box.addEventListener("input", () => {
      const words = box.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, i) => {
        row.hidden = !words.every((word) => texts[i].includes(word));
        shown += row.hidden ? 0 : 1;
      });
      count.textContent = words.length ? `${shown} of ${rows.length}` : "";
    });
    (table.closest(".scroll") ?? table).before(line);
  }

  document.addEventListener("DOMContentLoaded", () => {
    addSwitch();
    document.querySelectorAll("table.data").forEach(addSorting);
    document.querySelectorAll("table[data-filter]").forEach(addFilter);
  });
})();
