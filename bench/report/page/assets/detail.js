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

function drawDetail(article, instance, gold, columns, labels, train) {
  const heading = make("h3", {}, instance[0]);
  const key = make("p", { class: "fine" }, make("mark", { class: "head" }, "head"), " ", make("mark", { class: "tail" }, "tail"));
  const shown = columns.map((column) => drawMethod(column, instance, gold, labels, train));
  article.replaceChildren(
    heading, sentence(instance), instance[1] ? key : "", make("p", {}, "gold: ", make("b", {}, labels[gold])),
    make("div", { class: "columns" }, ...shown),
  );
}

function drawMethod({ method, predicted, scores, near, probes }, instance, gold, labels, train) {
  const right = predicted === gold;
  const answer = make("p", {}, `${right ? "✓" : "✗"} predicted: `, make("b", {}, labels[predicted]), right ? " (right)" : " (wrong)");
  const parts = [make("h4", {}, method), answer, drawScores(scores, gold, labels)];
  if (probes.length) parts.push(drawProbes(probes, gold, labels));
  if (near === null) parts.push(make("p", { class: "fine" }, "no neighbours"));
  else parts.push(make("h5", {}, "Neighbours"), make("ol", { class: "near" }, ...pairs(near).map(([number, weight]) =>
    drawNeighbour(train[number], weight, instance, gold, labels))));
  return make("section", { "aria-label": method }, ...parts);
}

function drawScores(scores, gold, labels) {
  const rows = pairs(scores).map(([label, score]) => make("tr", label === gold ? { class: "gold" } : {},
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

function drawNeighbour(row, weight, query, gold, labels) {
  const tags = shared(row, query, gold, labels).map((name) => make("span", { class: "same" }, `same ${name}`));
  const [id, , , , label] = row;
  const head = make("p", {}, make("b", {}, label === undefined ? id : labels[label]), " ", make("span", { class: "weight" }, String(weight)));
  for (const tag of tags) head.append(" ", tag);
  return make("li", {}, head, sentence(row), label === undefined ? "" : make("p", { class: "fine" }, id));
}

// What a neighbour has in common with the query; names of entities are compared without regard to case.
function shared([, pieces, head, tail, label], query, gold, labels) {
  if (!pieces) return [];
  const found = [];
  if (labels.relations[label].some((name) => labels.relations[gold].includes(name))) found.push("relation");
  if (query[1] && head.toLowerCase() === query[2].toLowerCase()) found.push("head");
  if (query[1] && tail.toLowerCase() === query[3].toLowerCase()) found.push("tail");
  return found;
}

function pairs(flat) {
  return Array.from({ length: flat.length / 2 }, (_, at) => [flat[2 * at], flat[2 * at + 1]]);
}
