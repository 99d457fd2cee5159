/* Words in the address come in, and what things are called (THINGS, from things.js); the things that they may mean go out, the likeliest first. */

const MOST = 50;
const LIKE_ENOUGH = 0.7;
const [SAME, BEGINS, NAMED] = [100, 20, 10];
const found = document.querySelector("#found");

/* As kg.index compares texts: without accents, without capitals, compatible forms as one. */
const fold = (text) => text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");
const wordsOf = (text) => fold(text).replaceAll("_", " ").match(/[\p{L}\p{N}]+/gu) ?? [];

const things = THINGS.map((thing) => {
  const called = [thing.name, ...thing.called].map((text) => wordsOf(text).join(" "));
  const numbers = thing.numbers.flatMap((text) => [wordsOf(text).join(" "), wordsOf(text).join("")]);
  const words = new Set([...called, ...numbers, wordsOf(thing.said).join(" ")].flatMap((text) => text.split(" ")));
  return { ...thing, folded: [...called, ...numbers], words: [...words] };
});

function worth(thing, words) {
  if (!words.every((word) => thing.words.some((other) => other.startsWith(word)))) return 0;
  const typed = words.join(" ");
  let sum = 1 + Math.log1p(thing.links);
  if (thing.folded.includes(typed)) sum += SAME;
  if (thing.folded.some((name) => name.startsWith(typed))) sum += BEGINS;
  if (thing.folded.some((name) => words.every((word) => name.includes(word)))) sum += NAMED;
  return sum;
}

function find(words) {
  const hits = things.map((thing) => [worth(thing, words), thing]).filter(([sum]) => sum);
  return hits.sort(([one, a], [other, b]) => other - one || (a.file < b.file ? -1 : 1)).map(([, thing]) => thing);
}

/* How many letters must be changed, left out, added or swapped (optimal string alignment). */
function distance(one, other) {
  const rows = [Array.from({ length: other.length + 1 }, (_, n) => n)];
  for (let i = 1; i <= one.length; i++) {
    rows.push([i]);
    for (let j = 1; j <= other.length; j++) {
      const cost = one[i - 1] === other[j - 1] ? 0 : 1;
      let least = Math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + cost);
      const isSwapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      if (isSwapped) least = Math.min(least, rows[i - 2][j - 2] + 1);
      rows[i].push(least);
    }
  }
  return rows[one.length][other.length];
}

/* The known word that this may be a mistyping of, or itself. */
function likely(word, vocabulary) {
  if (word.length < 4 || vocabulary.has(word)) return word;
  let [best, most] = [word, LIKE_ENOUGH];
  for (const other of vocabulary) {
    const longest = Math.max(word.length, other.length);
    if (Math.abs(word.length - other.length) > (1 - most) * longest) continue;
    const likeness = 1 - distance(word, other) / longest;
    if (likeness > most) [best, most] = [other, likeness];
  }
  return best;
}

function make(name, text, attributes = {}) {
  const element = document.createElement(name);
  element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) if (value) element.setAttribute(key, value);
  return element;
}

function item(thing, words) {
  const list = make("li", "");
  const title = make("p", "");
  title.append(make("a", thing.name, { href: thing.file, lang: thing.language }), " ", make("small", thing.kind));
  list.append(title);
  const isNamed = words.every((word) => fold(thing.name).includes(word));
  const by = isNamed ? null : [...thing.called, ...thing.numbers].find((text) => words.every((word) => fold(text).includes(word)));
  if (by) {
    list.append(make("p", ""));
    list.lastChild.append(make("small", `${found.dataset.also} ${by}`));
  }
  if (thing.said) list.append(make("p", thing.said.length > 240 ? `${thing.said.slice(0, 220)}…` : thing.said));
  return list;
}

function show(text) {
  let words = wordsOf(text.slice(0, 200)).slice(0, 12);
  if (!words.length) return;
  let hits = find(words);
  let told = "";
  if (!hits.length) {
    const vocabulary = new Set(things.flatMap((thing) => thing.words));
    words = words.map((word) => likely(word, vocabulary));
    hits = find(words);
    if (hits.length) told = `${found.dataset.instead} ${words.join(" ")}. `;
  }
  const number = hits.length.toLocaleString(document.documentElement.lang);
  found.textContent = `${told}${found.dataset.results}: ${number}. ${hits.length > MOST ? found.dataset.first : ""}`;
  document.querySelector("#results").append(...hits.slice(0, MOST).map((thing) => item(thing, words)));
  document.querySelector("#nothing").hidden = hits.length > 0;
}

const asked = new URLSearchParams(location.search).get("q") ?? "";
document.querySelector("#q").value = asked;
document.title = asked ? `${asked} – ${document.title}` : document.title;
for (const link of document.querySelectorAll(".languages a")) link.search = location.search;
show(asked);
