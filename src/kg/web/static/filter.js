/* The address of a list comes in, such as Initiative.html?country=cty:mx; the rows that it asks for stay, and each filter counts them. */

const facets = document.querySelector(".facets");
const known = new Set([...document.querySelectorAll("[data-facet]")].map((heading) => heading.dataset.facet));
const written = ([name, value]) => `${name}=${value}`;
const chosen = [...new URLSearchParams(location.search)].filter(([name]) => known.has(name));
const rows = [...document.querySelectorAll("tr[data-held]")].map((row) => {
  return { row, held: new Set([...new URLSearchParams(row.dataset.held)].map(written)) };
});
const left = rows.filter(({ held }) => chosen.every((pair) => held.has(written(pair))));
const number = (n) => n.toLocaleString(document.documentElement.lang);

function address(pairs) {
  return `${location.pathname}?${new URLSearchParams(pairs)}`;
}

function make(name, text, attributes = {}) {
  const element = document.createElement(name);
  element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

/* Each value with how many of the rows that are left have it; those that are on, and those that none has, lead nowhere. */
function count(link) {
  const pair = [...new URL(link.href).searchParams].find(([name]) => known.has(name));
  const n = left.filter(({ held }) => held.has(written(pair))).length;
  const isOn = chosen.some((other) => written(other) === written(pair));
  if (isOn) chips.set(written(pair), `${link.closest("ul, details ul").dataset.title}: ${link.textContent}`);
  link.nextSibling.textContent = ` ${number(n)}`;
  link.href = address([...chosen, pair]);
  link.parentElement.hidden = n === 0 || isOn;
}

function nameLists() {
  let title = "";
  for (const element of facets.querySelectorAll("h3, ul")) {
    if (element.matches("h3")) title = element.textContent;
    else element.dataset.title = title;
  }
}

function hideEmpty() {
  for (const details of facets.querySelectorAll("details")) details.hidden = !details.querySelector("li:not([hidden])");
  for (const heading of facets.querySelectorAll("h3")) {
    const list = heading.nextElementSibling;
    const more = list.nextElementSibling;
    const has = (part) => part && !part.matches("h3") && part.querySelector("li:not([hidden])");
    heading.hidden = !has(list) && !has(more);
  }
}

/* What is on, each with the way to take it off. */
function tell() {
  const list = make("ul", "", { class: "chips", "aria-label": facets.dataset.chosen });
  for (const pair of chosen) {
    const others = chosen.filter((other) => other !== pair);
    const link = make("a", `${chips.get(written(pair)) ?? written(pair)} `, { href: address(others) });
    link.append(make("span", "×", { "aria-hidden": "true" }), make("span", ` ${facets.dataset.remove}`, { class: "unseen" }));
    list.append(make("li", ""));
    list.lastChild.append(link);
  }
  document.querySelector("h1").after(list);
  const shown = document.querySelector("#left");
  shown.textContent = `${number(left.length)} / `;
  shown.hidden = false;
  if (!left.length) document.querySelector("#results").after(make("p", facets.dataset.none));
}

const chips = new Map();
for (const { row } of rows) row.hidden = true;
for (const { row } of left) row.hidden = false;
nameLists();
for (const link of facets.querySelectorAll("li a")) count(link);
hideEmpty();
if (chosen.length) tell();
facets.hidden = false;
document.querySelector(".narrow")?.removeAttribute("hidden");
/* Another language of the same list keeps what was asked for. */
for (const link of document.querySelectorAll(".languages a")) link.search = new URLSearchParams(chosen);
