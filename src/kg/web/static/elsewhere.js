/* The address of a page that has no language, or none at all, comes in; the reader is taken to it in a language that they read. */

const links = new Map([...document.querySelectorAll("#languages a")].map((link) => [link.hreflang, link]));
const asked = new URLSearchParams(location.search);
const read = [asked.get("lang"), ...navigator.languages.map((tag) => tag.split("-")[0])];
const language = read.find((code) => links.has(code)) ?? "en";
const isMissing = "missing" in document.querySelector("#languages").dataset;

/* Addresses of the application, as people kept them, and the files that answer them here. */
const kept = [
  [/^\/?$/, () => "index"],
  [/^\/page\/def\/([A-Z][^/]*)$/, (name) => `page/def/${name}.class`],
  [/^\/((?:page|browse|questions)\/[^.]+|[a-z]+)$/, (name) => name],
];

function fileOf(path) {
  for (const [pattern, name] of kept) {
    const match = path.match(pattern);
    if (match) return `${language}/${name(match[1])}.html`;
  }
  return null;
}

function leadOn() {
  if (!isMissing) return new URL(links.get(language).href);
  const root = new URL(".", new URL(document.baseURI));
  const inside = location.pathname.startsWith(root.pathname) ? location.pathname.slice(root.pathname.length - 1) : "";
  const file = fileOf(inside.replace(/(.)\/$/, "$1"));
  return file ? new URL(file, root) : null;
}

const target = leadOn();
if (target) {
  asked.delete("lang");
  if (isMissing) target.search = asked;
  target.hash ||= location.hash;
  location.replace(target);
}
