// Tables: a click on the name of a column sorts by it, a second click turns the order round.
const cellAt = (row, column) => {
  let reached = 0;
  for (const cell of row.cells) {
    if (column < reached + cell.colSpan) return cell.colSpan === 1 ? cell : null;
    reached += cell.colSpan;
  }
  return null;
};
const valueOf = (cell) => {
  const text = cell ? cell.dataset.v || cell.textContent.trim() : "";
  const number = parseFloat(text.replace(/[,\s]/g, "").replace("−", "-"));
  return { text, number };
};
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const body = table.tBodies[0];
      const keyed = [...body.rows].map((row) => ({ row, ...valueOf(cellAt(row, column)) }));
      const empty = (one) => !one.text || one.text === "–";
      const numbers = keyed.every((one) => empty(one) || !Number.isNaN(one.number));
      keyed.sort((a, b) => {
        if (empty(a) || empty(b)) return empty(a) - empty(b);
        const order = numbers ? a.number - b.number : a.text.localeCompare(b.text);
        return down ? -order : order;
      });
      body.append(...keyed.map((one) => one.row));
    });
  });
}
