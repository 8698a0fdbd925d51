// One instance: its sentence, and what one or two methods saw and said.
const ENTITY = ["", "head", "tail", "head tail"];

// A sentence with its entities marked; a row without text is an id alone (`_text_row` of embed.py).
function sentence([id, pieces]) {
  const shown = make("p", { class: "sentence", dir: "auto" });
  if (!pieces) shown.append(`${id} (its text is not at hand)`);
  for (let at = 0; pieces && at < pieces.length; at += 2) {
    const [kind, text] = [ENTITY[pieces[at]], pieces[at + 1]];
    shown.append(kind ? make("mark", { class: kind, title: kind }, text) : text);
  }
  return shown;
}

function drawDetail(article, instance, gold, columns, labels) {
  const heading = make("h3", {}, instance[0]);
  const key = make("p", { class: "fine" }, make("mark", { class: "head" }, "head"), " ", make("mark", { class: "tail" }, "tail"));
  const shown = columns.map((column) => drawMethod(column, gold, labels));
  article.replaceChildren(
    heading, sentence(instance), instance[1] ? key : "", make("p", {}, "gold: ", make("b", {}, labels[gold])),
    make("div", { class: "columns" }, ...shown),
  );
}

function drawMethod({ method, predicted, scores, near, probes }, gold, labels) {
  const right = predicted === gold;
  const answer = make("p", {}, `${right ? "✓" : "✗"} predicted: `, make("b", {}, labels[predicted]), right ? " (right)" : " (wrong)");
  const shown = [make("h4", {}, method), answer, drawScores(scores, gold, labels)];
  if (probes.length) shown.push(drawProbes(probes, gold, labels));
  if (near === null) shown.push(make("p", { class: "fine" }, "no neighbours"));
  else shown.push(make("h5", {}, "Neighbours"), make("ol", { class: "near" }, ...near.map((one) => drawNeighbour(one, labels))));
  return make("section", { "aria-label": method }, ...shown);
}

function drawScores(scores, gold, labels) {
  const rows = parts(scores, 2).map(([label, score]) => make("tr", label === gold ? { class: "gold" } : {},
    make("th", { scope: "row" }, labels[label] + (label === gold ? " (gold)" : "")),
    make("td", {}, score.toFixed(3)),
    make("td", {}, make("meter", { value: Math.min(1, Math.exp(score)), "aria-label": `exp of ${score}` }))));
  const head = make("tr", {}, ...["relation", "log-score", "exp"].map((name) => make("th", { scope: "col" }, name)));
  return make("table", { class: "scores" }, make("caption", {}, "Best scores"), make("thead", {}, head), make("tbody", {}, ...rows));
}

function drawProbes(probes, gold, labels) {
  const items = probes.map(([name, label]) => make("li", {}, `${name}: ${labels[label]} ${label === gold ? "✓" : "✗"}`));
  return make("div", {}, make("h5", {}, "With other neighbours (probes)"), make("ul", { class: "probes" }, ...items));
}

// A neighbour (a row of `_text_row`), its weight, and the names of what it shares with the query.
function drawNeighbour([row, weight, shares], labels) {
  const [id, , label] = row;
  const head = make("p", {}, make("b", {}, label === undefined ? id : labels[label]), " ", make("span", { class: "weight" }, String(weight)));
  for (const name of shares) head.append(" ", make("span", { class: "same" }, `same ${name}`));
  return make("li", {}, head, sentence(row), label === undefined ? "" : make("p", { class: "fine" }, id));
}

function parts(flat, size) {
  return Array.from({ length: flat.length / size }, (_, at) => flat.slice(size * at, size * (at + 1)));
}
