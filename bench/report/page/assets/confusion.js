// Gold x predicted as a grid: one stop for the Tab key, arrow keys inside, Enter chooses a pair.
function drawConfusion(table, labels, gold, predicted, chosen, said) {
  const names = [...new Set([...gold, ...predicted])].sort((a, b) => compare(labels[a], labels[b]));
  const place = new Map(names.map((label, at) => [label, at]));
  const counts = names.map(() => new Array(names.length).fill(0));
  gold.forEach((label, at) => counts[place.get(label)][place.get(predicted[at])]++);
  const heads = names.map((label, at) => make("th", { scope: "col", title: labels[label] }, String(at + 1)));
  const rows = names.map((label, at) => {
    const total = counts[at].reduce((sum, count) => sum + count, 0);
    const cells = counts[at].map((count, to) => {
      const cell = make("td", { role: "gridcell", tabindex: "-1" }, count ? String(count) : "");
      const share = total ? ` (${percent(count, total)} of its ${total})` : "";
      cell.ariaLabel = `gold ${labels[label]}, predicted ${labels[names[to]]}: ${count}${share}`;
      cell.title = cell.ariaLabel;
      if (at === to) cell.classList.add("diagonal");
      if (total) cell.style.setProperty("--share", count / total);
      cell.dataset.pair = `${at},${to}`;
      cell.onfocus = cell.onmouseover = () => { said.textContent = cell.ariaLabel; };
      return cell;
    });
    return make("tr", {}, make("th", { scope: "row", title: labels[label] }, `${at + 1} ${labels[label]}`), ...cells);
  });
  const caption = make("caption", {}, "Gold (rows) and predicted (columns, by number)");
  const top = make("tr", {}, make("td"), ...heads);
  table.replaceChildren(caption, make("thead", {}, top), make("tbody", {}, ...rows));
  const at = (row, column) => table.tBodies[0].rows[row]?.cells[column + 1];
  at(0, 0)?.setAttribute("tabindex", "0");
  const pair = (cell) => cell.dataset.pair.split(",").map(Number);
  const choose = (cell) => chosen(...pair(cell).map((index) => names[index]));
  table.onclick = (event) => event.target.dataset.pair && choose(event.target);
  table.onkeydown = (event) => {
    const cell = event.target;
    if (!cell.dataset.pair) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(cell);
      return;
    }
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    const [row, column] = pair(cell);
    const next = step && at(row + step[0], column + step[1]);
    if (!next?.dataset.pair) return;
    event.preventDefault();
    cell.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  };
}
