// A click or Enter on a column's name sorts the table: numbers by value, largest first; what has no number comes last.
function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const key = (row) => row.cells[column].dataset.value;
      const numeric = [...body.rows].some((row) => key(row) !== undefined);
      const before = head.getAttribute("aria-sort");
      const order = before ? (before === "ascending" ? "descending" : "ascending") : numeric ? "descending" : "ascending";
      const sign = order === "ascending" ? 1 : -1;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      body.append(...[...body.rows].sort((one, other) => {
        const [a, b] = [key(one), key(other)];
        if (!numeric) return sign * compare(one.cells[column].textContent, other.cells[column].textContent);
        if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
        return sign * (a - b);
      }));
    });
  });
}

const compare = (one, other) => (one < other ? -1 : Number(one > other));

document.querySelectorAll("table.sortable").forEach(sortable);
