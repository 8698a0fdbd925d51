// The blocks of the page: base64, gzip, JSON (bench/report/page/embed.py), each decoded when it is first asked for.
const decoded = new Map();

function block(name) {
  if (!decoded.has(name)) decoded.set(name, decode(document.getElementById(name)));
  return decoded.get(name);
}

async function decode(element) {
  const coded = atob(element.textContent);
  element.remove(); // the page need not hold both forms
  const bytes = new Uint8Array(coded.length);
  for (let at = 0; at < coded.length; at++) bytes[at] = coded.charCodeAt(at);
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(plain).json();
}

const byId = (id) => document.getElementById(id);

// An element with its text and children. Everything from the corpus passes here, as text and never as markup.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const percent = (part, whole) => `${((100 * part) / whole).toFixed(1)}%`;
