// A list of any length, one page of it in the document. One stop for the Tab key; arrow keys, Page Up and Down, Home and
// End move the choice, over the edges of the page too. `draw(item)` gives an option's content, `opened(item)` shows it.
const PAGE = 50;

function pagedList(list, pager, draw, opened) {
  let items = [];
  let chosen = 0;

  function show() {
    const first = Math.floor(chosen / PAGE) * PAGE;
    const options = items.slice(first, first + PAGE).map((item, at) => {
      const place = first + at;
      const attributes = {
        role: "option", id: `option-${place}`, "aria-selected": place === chosen, "aria-setsize": items.length, "aria-posinset": place + 1,
      };
      const option = make("li", attributes, ...draw(item));
      option.onclick = () => choose(place);
      return option;
    });
    list.replaceChildren(...options);
    if (items.length) list.setAttribute("aria-activedescendant", `option-${chosen}`);
    else list.removeAttribute("aria-activedescendant");
    pager.page.textContent = items.length ? `${first + 1}–${first + options.length} of ${items.length}` : "";
    pager.previous.disabled = first === 0;
    pager.next.disabled = first + PAGE >= items.length;
  }

  function choose(place) {
    if (!items.length) return;
    chosen = Math.max(0, Math.min(items.length - 1, place));
    show();
    byId(`option-${chosen}`).scrollIntoView({ block: "nearest" });
    opened(items[chosen]);
  }

  const turned = (pages) => choose((Math.floor(chosen / PAGE) + pages) * PAGE);
  const moves = {
    ArrowDown: () => choose(chosen + 1), ArrowUp: () => choose(chosen - 1), PageDown: () => turned(1), PageUp: () => turned(-1),
    Home: () => choose(0), End: () => choose(items.length - 1), Enter: () => opened(items[chosen], true),
  };
  list.onkeydown = (event) => {
    if (!(event.key in moves) || !items.length) return;
    event.preventDefault();
    moves[event.key]();
  };
  pager.previous.onclick = () => turned(-1);
  pager.next.onclick = () => turned(1);
  return (next, wanted) => {
    items = next;
    chosen = Math.max(0, items.indexOf(wanted));
    show();
    if (items.length) opened(items[chosen]);
  };
}
