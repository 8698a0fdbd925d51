// The inspector: choices -> the instances that fit -> one of them, side by side for two methods.
const NONE = ["none", "zeros"]; // probes that stand in for a run without retrieval

async function inspect() {
  const [index, test] = await Promise.all([block("index"), block("test")]);
  const labels = index.labels.map((relations) => relations.join(" + "));
  const gold = index.gold;
  const filters = byId("filters");
  const chosen = (name) => filters.elements[name].value;
  const haystack = test.map(([id, pieces]) => [id, ...(pieces ?? []).filter((_, at) => at % 2)].join("").toLowerCase());
  const single = index.labels.every((relations) => relations.length === 1);
  if (!single) byId("confused").textContent = "Not drawn for a corpus whose instances have several relations.";
  let shown = null; // the cells of the present choice
  let opened = null; // the instance that is open
  let turn = 0; // of two choices in quick succession the later one counts

  const relations = [...new Set(index.labels.flat())].sort(compare);
  for (const name of ["gold", "predicted"]) fill(name, [["", "any"], ...relations.map((relation) => [relation, relation])]);
  fill("group", index.groups.map(({ name }, at) => [at, name]));
  fillMethods(true);

  const pager = { previous: byId("previous"), next: byId("next"), page: byId("page") };
  const list = pagedList(byId("list"), pager, drawOption, (item, focus) => openInstance(item, focus).catch(complain));

  filters.onchange = (event) => {
    if (event.target.id === "group") fillMethods();
    if (event.target.id !== "search") load().catch(complain);
  };
  filters.elements.search.oninput = () => shown && refresh();
  filters.onsubmit = (event) => event.preventDefault();
  filters.onreset = () => setTimeout(() => { fillMethods(true); load().catch(complain); });
  await load();

  function fill(name, options) {
    byId(name).replaceChildren(...options.map(([value, text]) => make("option", { value }, text)));
  }

  // The methods of the chosen run; those chosen before stay where the run has them. At first: one that retrieves, and
  // the one without retrieval beside it.
  function fillMethods(fresh = false) {
    const methods = index.groups[chosen("group")].cells.map(({ method }) => method);
    const before = fresh ? [] : [chosen("first"), chosen("second")];
    fill("first", methods.map((method) => [method, method]));
    fill("second", [["", "no other"], ...methods.map((method) => [method, method])]);
    const first = methods.includes(before[0]) ? before[0] : methods.find((method) => method !== "no_retrieval") ?? methods[0];
    const plain = methods.includes("no_retrieval") && first !== "no_retrieval" ? "no_retrieval" : "";
    byId("first").value = first;
    byId("second").value = before[0] && (methods.includes(before[1]) || before[1] === "") ? before[1] : plain;
  }

  async function load() {
    const mine = ++turn;
    const { cells } = index.groups[chosen("group")];
    const get = async (method) => {
      const cell = cells.find((other) => other.method === method);
      return cell ? { method, ...(await block(cell.block)) } : null;
    };
    const [first, second, plain] = await Promise.all([get(chosen("first")), get(chosen("second")), get("no_retrieval")]);
    if (mine !== turn) return;
    const probe = NONE.find((name) => name in first.probes);
    const without = first.method === "no_retrieval" ? null : plain?.predicted ?? first.probes[probe] ?? null;
    shown = { first, second, without, against: plain ? "no_retrieval" : `its probe ${probe}` };
    for (const option of byId("show").options) {
      if (["fixed", "broken"].includes(option.value)) option.disabled = without === null;
      if (option.value === "differ") option.disabled = second === null;
    }
    if (byId("show").selectedOptions[0].disabled) byId("show").value = "all";
    if (single) drawConfusion(byId("confusion"), labels, gold, first.predicted, choosePair, byId("confused"));
    refresh();
  }

  function refresh() {
    const found = [];
    const fits = tester(shown, chosen("show"));
    const [asked, wanted, said] = [chosen("search").toLowerCase(), chosen("gold"), chosen("predicted")];
    for (let at = 0; at < gold.length; at++) {
      if (wanted && !index.labels[gold[at]].includes(wanted)) continue;
      if (said && !index.labels[shown.first.predicted[at]].includes(said)) continue;
      if (fits(at) && (!asked || haystack[at].includes(asked))) found.push(at);
    }
    const against = shown.without ? ` Fixed and broken: against ${shown.against}.` : "";
    byId("status").textContent = `${found.length} of ${gold.length} instances.${against}`;
    if (!found.length) byId("detail").replaceChildren();
    list(found, opened);
  }

  function tester({ first, second, without }, show) {
    const right = (at) => first.predicted[at] === gold[at];
    return {
      all: () => true,
      wrong: (at) => !right(at),
      right,
      fixed: (at) => right(at) && without[at] !== gold[at],
      broken: (at) => !right(at) && without[at] === gold[at],
      differ: (at) => first.predicted[at] !== second.predicted[at],
    }[show];
  }

  function choosePair(row, column) {
    byId("gold").value = index.labels[row][0];
    byId("predicted").value = index.labels[column][0];
    byId("show").value = "all";
    byId("search").value = "";
    refresh();
    byId("list").focus();
  }

  function drawOption(at) {
    const pieces = test[at][1] ?? [];
    const verdict = [shown.first, shown.second].filter(Boolean).map(({ predicted }) => (predicted[at] === gold[at] ? "✓" : "✗")).join("");
    const text = pieces.filter((_, place) => place % 2).join("");
    const line = make("span", { class: "line", dir: "auto" }, text || test[at][0]);
    return [make("span", { class: "verdict" }, verdict), make("span", { class: "label" }, labels[gold[at]]), line];
  }

  async function openInstance(at, focus = false) {
    opened = at;
    const now = shown;
    const train = await neighbours(Number(chosen("group")));
    if (opened !== at || now !== shown) return;
    const columns = [now.first, now.second].filter(Boolean).map((cell) => ({
      method: cell.method, predicted: cell.predicted[at], scores: cell.scores[at], near: near(cell.near?.[at] ?? null, train),
      probes: Object.entries(cell.probes).map(([name, predicted]) => [name, predicted[at]]),
    }));
    drawDetail(byId("detail"), test[at], gold[at], columns, labels);
    if (focus) byId("detail").focus();
  }

  function near(flat, train) {
    return flat && parts(flat, 3).map(([number, weight, same]) => [train[number], weight, index.shares[same]]);
  }

  // Training instances are numbered through over the groups.
  async function neighbours(group) {
    const parts = await Promise.all(index.groups.slice(0, group + 1).map(({ near }) => block(near)));
    return parts.flat();
  }
}

function complain(error) {
  byId("problem").textContent = `The inspector stopped: ${error.message}`;
  byId("problem").hidden = false;
}

if (byId("filters")) inspect().catch(complain);
