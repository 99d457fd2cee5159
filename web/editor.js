// The form of the SPARQL page comes in; an editor over its textarea, and a way to stop a query, go out. The page works without it.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { HighlightStyle, StreamLanguage, bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { sparql } from "@codemirror/legacy-modes/mode/sparql";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { Prec } from "@codemirror/state";
import { EditorView, drawSelection, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const LONGEST_ADDRESS = 6000; // characters of a query that still goes into an address
const KEYWORDS = ("ADD ASC ASK AVG BASE BIND BY COALESCE CONCAT CONSTRUCT CONTAINS COUNT DATATYPE DESC DESCRIBE DISTINCT EXISTS FILTER " +
  "FROM GRAPH GROUP GROUP_CONCAT HAVING IF IN LANG LCASE LIMIT MAX MIN MINUS NAMED NOT OFFSET OPTIONAL ORDER PREFIX REDUCED REGEX " +
  "REPLACE SAMPLE SELECT SEPARATOR SERVICE STR STRENDS STRLEN STRSTARTS SUBSTR SUM UCASE UNDEF UNION VALUES WHERE YEAR").split(" ");

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--one)", fontWeight: "600" },
  { tag: [tags.variableName, tags.special(tags.variableName), tags.local(tags.variableName)], color: "var(--four)" },
  { tag: [tags.string, tags.number, tags.bool], color: "var(--warn)" },
  { tag: [tags.comment, tags.meta], color: "var(--soft)" },
  { tag: [tags.atom, tags.standard(tags.variableName)], color: "var(--link)" },
]);

const looks = EditorView.theme({
  "&": { border: "1px solid var(--soft)", borderRadius: ".25rem", backgroundColor: "var(--tint)", fontSize: ".925rem" },
  "&.cm-focused": { outline: "3px solid var(--link)", outlineOffset: "2px" },
  ".cm-scroller": { fontFamily: "ui-monospace, monospace", lineHeight: "1.45", maxHeight: "36rem" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--tint)", color: "var(--soft)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "transparent" },
  "&.cm-focused .cm-activeLine": { backgroundColor: "color-mix(in oklab, var(--one) 8%, transparent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground":
    { backgroundColor: "color-mix(in oklab, var(--one) 30%, transparent)" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--warn)" },
  ".cm-lint-marker-error": { content: '""', backgroundColor: "var(--warn)", borderRadius: "50%" },
  ".cm-tooltip": { backgroundColor: "var(--paper)", color: "var(--ink)", border: "1px solid var(--soft)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--one)", color: "var(--paper)" },
  ".cm-tooltip-autocomplete ul li[aria-selected] .cm-completionDetail": { color: "inherit" },
  ".cm-completionDetail": { color: "var(--soft)", fontStyle: "normal" },
});

// The names of our terms and things: [CURIE, name], fetched when one first asks for a completion.
let words;
function fetchWords(form) {
  words ??= fetch(form.dataset.words).then((answer) => (answer.ok ? answer.json() : []), () => []);
  return words;
}

function completer(form) {
  return async (context) => {
    const known = await fetchWords(form);
    const curie = context.matchBefore(/[A-Za-z][\w-]*:[\w-]*/);
    if (curie) {
      const prefix = curie.text.slice(0, curie.text.indexOf(":") + 1);
      const options = known.filter(([short]) => short.startsWith(prefix)).map(([short, name]) => ({ label: short, detail: name }));
      return { from: curie.from, options, validFor: /^[A-Za-z][\w-]*:[\w-]*$/ };
    }
    const variable = context.matchBefore(/\?\w*/);
    if (variable) {
      const here = new Set(context.state.doc.toString().match(/\?\w+/g));
      here.delete(variable.text);
      return { from: variable.from, options: [...here].map((label) => ({ label, type: "variable" })), validFor: /^\?\w*$/ };
    }
    const word = context.matchBefore(/[\p{L}][\p{L}\p{N}_]*/u);
    if (!word && !context.explicit) return null;
    const names = known.map(([short, name]) => ({ label: name, apply: short, detail: short }));
    const keywords = KEYWORDS.map((label) => ({ label, type: "keyword", boost: 2 }));
    return { from: word ? word.from : context.pos, options: [...keywords, ...names], validFor: /^[\p{L}\p{N}_]*$/u };
  };
}

function edit(form, area) {
  const host = document.createElement("div");
  // In a shadow tree the editor's styles are constructed sheets, which a strict Content-Security-Policy allows.
  const root = host.attachShadow({ mode: "open" });
  const height = EditorView.theme({ "&": { minHeight: `${area.offsetHeight}px` } }); // so that nothing below it moves
  const run = () => { form.requestSubmit(); return true; };
  const view = new EditorView({
    doc: area.value, parent: root, root,
    extensions: [
      Prec.highest(keymap.of([{ key: "Mod-Enter", run }])),
      lineNumbers(), history(), drawSelection(), bracketMatching(), closeBrackets(), highlightActiveLine(), lintGutter(),
      StreamLanguage.define(sparql), syntaxHighlighting(colours), looks, height, typing, EditorView.lineWrapping,
      autocompletion({ override: [completer(form)], icons: false }),
      keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap]),
      EditorView.contentAttributes.of({ "aria-label": area.labels[0].textContent, spellcheck: "false" }),
      EditorView.updateListener.of((update) => { if (update.docChanged) area.value = update.state.doc.toString(); }),
    ],
  });
  area.before(host);
  area.hidden = true;
  area.labels[0].addEventListener("click", () => view.focus());
  return view;
}

// What is typed over a selection: left to the browser, it comes with styles of its own, which the Content-Security-Policy reports.
const typing = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { from, to, empty } = view.state.selection.main;
    if (empty || event.inputType !== "insertText" || !event.data) return false;
    const insert = () => view.state.update(view.state.replaceSelection(event.data), { userEvent: "input.type" });
    const handled = view.state.facet(EditorView.inputHandler).some((handle) => handle(view, from, to, event.data, insert));
    if (!handled) view.dispatch(insert());
    event.preventDefault();
    return true;
  },
});

function mark(view, answer) {
  const { line, column } = answer.querySelector("#problem")?.dataset ?? {};
  const found = [];
  if (line && Number(line) <= view.state.doc.lines) {
    const { from, to } = view.state.doc.line(Number(line));
    const at = Math.min(from + Number(column || 1) - 1, to);
    found.push({ from: at, to: Math.max(at, Math.min(at + 1, to)), severity: "error", message: answer.querySelector("#problem p").textContent });
  }
  view.dispatch(setDiagnostics(view.state, found));
}

function start(form) {
  const area = form.elements.query;
  const view = edit(form, area);
  const stop = form.querySelector("#stop");
  let asking;
  mark(view, document);

  async function ask(address, body) {
    const answer = document.querySelector("#answer");
    const control = new AbortController();
    asking?.abort();
    asking = control;
    stop.hidden = false;
    answer.setAttribute("aria-busy", "true");
    answer.textContent = form.dataset.running;
    try {
      const reply = await fetch(address, { signal: control.signal, headers: { Accept: "text/html" }, ...(body && { method: "POST", body }) });
      const page = new DOMParser().parseFromString(await reply.text(), "text/html");
      const next = page.querySelector("#answer");
      if (!next) throw new Error(String(reply.status));
      answer.replaceChildren(...next.childNodes);
      mark(view, answer);
      if (!body) window.history.pushState({}, "", address);
      answer.querySelector("h2")?.scrollIntoView({ block: "nearest" });
    } catch (error) {
      // One that came after this one has taken its place, or the reader has stopped it.
      if (asking === control) answer.textContent = error.name === "AbortError" ? form.dataset.stopped : form.dataset.failed;
    } finally {
      if (asking === control) {
        stop.hidden = true;
        answer.removeAttribute("aria-busy");
      }
    }
  }

  form.addEventListener("submit", (event) => {
    if (form.elements.format.value !== "html") return; // a download
    event.preventDefault();
    const data = new URLSearchParams(new FormData(form));
    const address = new URL(form.action);
    if (area.value.length <= LONGEST_ADDRESS) {
      address.search = data;
      ask(address.href);
      return;
    }
    if (data.has("release")) address.searchParams.set("release", data.get("release"));
    data.delete("release");
    ask(address.href, data);
  });
  stop.addEventListener("click", () => asking?.abort());
  window.addEventListener("popstate", () => window.location.reload());
}

const form = document.querySelector("form#ask");
if (form) start(form);
