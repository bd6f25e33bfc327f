// The lists beside the picture: people and what can be done with them, differences, errors, edits and style.

import { MARK_COLOURS } from "./drawing.js";

function make(tag, values = {}, ...children) {
  const { style, dataset, ...rest } = values;
  const element = Object.assign(document.createElement(tag), rest);
  for (const [name, value] of Object.entries(style ?? {})) element.style.setProperty(name, value);
  Object.assign(element.dataset, dataset);
  element.append(...children);
  return element;
}

const button = (text, onclick, values = {}) => make("button", { textContent: text, onclick, ...values });

export function showPeople(app) {
  const list = document.getElementById("people");
  list.replaceChildren(...app.visibleResults.flatMap((result) => result.people.map((person) => personItem(app, result, person))));
}

function personItem(app, result, person) {
  const own = result.number === 0;
  const picture = app.content.has_images
    ? make("img", { alt: "" }) : make("span", { className: "blank" });
  if (app.content.has_images) app.portraits.fill(picture, result, person);
  const frames = app.content.frames;
  const text = make("span", {}, make("strong", { textContent: app.nameOf(result.number, person.id) }),
    make("small", { textContent: `frames ${frames[person.first]} to ${frames[person.last]}, ${person.frames} seen, score ${person.score.toFixed(2)}` }));
  const item = make("li", { dataset: { id: person.id, result: result.number }, style: { "--own": result.colourOf(person.id) }, tabIndex: 0 }, picture, text);
  item.setAttribute("aria-selected", own && app.selected.has(person.id));
  const choose = (event) => {
    if (own) app.select(person.id, event.shiftKey || event.ctrlKey || event.metaKey);
    if (app.shown < person.first || app.shown > person.last) app.seek(person.first);
  };
  item.onclick = choose;
  item.onkeydown = (event) => { if (event.key === "Enter") choose(event); };
  return item;
}

/** Pictures of people, loaded one after another and in order of time, so that the video is read through once. */
export class Portraits {
  #known = new Map();
  #waiting = new Map(); // by key: {position, load}
  #busy = false;

  constructor(source) { this.source = source; }

  fill(image, result, person) {
    const key = `${result.number} ${person.id} ${person.best}`;
    if (this.#known.has(key)) { image.src = this.#known.get(key); return; }
    this.#waiting.set(key, { image, result, person });
    if (!this.#busy) this.#load();
  }

  async #load() {
    this.#busy = true;
    await new Promise((resolve) => setTimeout(resolve, 50)); // the picture comes first
    while (this.#waiting.size) {
      const [key, { result, person }] = [...this.#waiting].reduce((a, b) => (a[1].person.best <= b[1].person.best ? a : b));
      let address = "data:,";
      try { address = await this.source.thumbnail(result.number, person); } catch { /* it stays empty */ }
      this.#known.set(key, address);
      this.#waiting.get(key).image.src = address; // the list may have been made anew
      this.#waiting.delete(key);
    }
    this.#busy = false;
  }
}

/** The buttons for the selected people. */
export function showActions(app) {
  const box = document.getElementById("actions"), ids = [...app.selected], [a, b] = ids;
  if (!app.edits.allowed) { box.replaceChildren(); return; }
  const frame = app.content.frames[app.shown], name = (id) => app.results[0].labelOf(id), [first, last] = app.span;
  const buttons = [];
  if (ids.length === 0) buttons.push(make("span", { className: "note", textContent: "Choose a person to mend it, or two." }));
  if (ids.length === 1) {
    buttons.push(
      button("Rename", () => app.rename(a), { dataset: { op: "rename" } }),
      button(`Split at frame ${frame}`, () => app.edit({ op: "split", id: a, frame }), { dataset: { op: "split" } }),
      button("Delete", () => app.edit({ op: "delete", id: a }), { className: "danger", dataset: { op: "delete" } }),
      button("Delete span", () => app.edit({ op: "delete", id: a, from: first, to: last }), { className: "danger", dataset: { op: "delete-span" } }));
  }
  if (ids.length === 2) {
    buttons.push(
      button(`Merge ${name(b)} into ${name(a)}`, () => app.edit({ op: "merge", ids }), { dataset: { op: "merge" } }),
      button(`Swap from frame ${frame} on`, () => app.edit({ op: "swap", ids, from: frame }), { dataset: { op: "swap" } }),
      button("Swap span", () => app.edit({ op: "swap", ids, from: first, to: last }), { dataset: { op: "swap-span" } }));
  }
  if (ids.length) buttons.push(spanRow(app));
  buttons.push(toggle("Choose several", app.several, () => app.toggleSeveral(), "several"));
  buttons.push(toggle("Drag joints", app.mending, () => app.toggleMending(), "mend"));
  if (app.mending && app.chosenJoint) {
    const { id, joint } = app.chosenJoint, jointName = app.results[0].skeleton.joints[joint];
    buttons.push(button(`Mark ${jointName.replaceAll("_", " ")} of ${name(id)} as unseen`,
      () => app.edit({ op: "hide_joint", id, frame, joint: jointName }), { dataset: { op: "hide-joint" } }));
  }
  box.replaceChildren(...buttons);
}

function spanRow(app) {
  const [first, last] = app.span;
  return make("span", { className: "span" }, make("label", { textContent: `Span ${first} to ${last}` }),
    button("Starts here", () => app.setSpan(0), { dataset: { op: "span-first" } }),
    button("Ends here", () => app.setSpan(1), { dataset: { op: "span-last" } }));
}

function toggle(text, isOn, onclick, op) {
  const element = button(text, onclick, { dataset: { op } });
  element.setAttribute("aria-pressed", isOn);
  return element;
}

export function showEdits(app) {
  const items = app.edits.list.map((text) => make("li", { textContent: text }));
  const note = make("li", { textContent: "No edits yet. They are saved in edits.jsonl beside the result, which stays as it is." });
  document.getElementById("edits").replaceChildren(...(items.length ? items : [note]));
}

const LIST_LIMIT = 500;

function fillList(list, entries, app) {
  const items = entries.slice(0, LIST_LIMIT).map(({ position, text, detail, colour }) => {
    const item = make("li", { onclick: () => app.seek(position), tabIndex: 0 }, text, make("small", { textContent: detail }));
    item.onkeydown = (event) => { if (event.key === "Enter") app.seek(position); };
    if (colour) item.style.borderLeft = `4px solid ${colour}`;
    return item;
  });
  if (entries.length > LIST_LIMIT) items.push(make("li", { textContent: `and ${entries.length - LIST_LIMIT} more` }));
  if (!entries.length) items.push(make("li", { textContent: "None." }));
  list.replaceChildren(...items);
}

export function showDifferences(app, differences) {
  const { frames } = app.content, [a] = app.results;
  const texts = {
    only: ({ result, ids }) => `${app.nameOf(result, ids[0])} has no counterpart`,
    id: ({ ids }) => `${a.labelOf(ids[0])} is ${app.nameOf(1, ids[1])}`,
    joints: ({ ids, joint, distance }) => `${a.labelOf(ids[0])}: ${joint.replaceAll("_", " ")} ${distance} pixels apart`,
  };
  const text = (each) => texts[each.kind](each);
  const kind = document.getElementById("difference-kind").value;
  const chosen = differences.filter((each) => kind === "all" || kind === each.kind);
  fillList(document.getElementById("differences"), chosen.map((each) => ({
    position: each.first, text: text(each),
    detail: each.first === each.last ? `frame ${frames[each.first]}` : `frames ${frames[each.first]} to ${frames[each.last]}`,
  })), app);
}

/** Successive marks of one kind and person as one line. */
export function showErrors(app) {
  const stretches = [];
  const open = new Map();
  for (const mark of app.marks) {
    const key = `${mark.kind} ${mark.result} ${mark.id} ${mark.kind === "switched" ? mark.position : ""}`;
    const last = open.get(key);
    if (last && mark.position === last.last + 1) last.last = mark.position;
    else { open.set(key, { ...mark, last: mark.position }); stretches.push(open.get(key)); }
  }
  stretches.sort((a, b) => a.position - b.position);
  const counts = document.getElementById("error-kinds");
  counts.replaceChildren(...Object.keys(MARK_COLOURS).map((kind) => make("span", {
    textContent: `${kind} ${app.marks.filter((mark) => mark.kind === kind).length}`, style: { "border-left": `4px solid ${MARK_COLOURS[kind]}`, "padding-left": "5px" },
    dataset: { kind },
  })));
  const frames = app.content.frames;
  fillList(document.getElementById("errors"), stretches.map((each) => ({
    position: each.position, colour: MARK_COLOURS[each.kind],
    text: `${app.nameOf(each.result, each.id)} ${each.kind}${each.kind === "switched" ? ` to ${each.partner}` : ""}`,
    detail: `frame ${frames[each.position]}${each.last > each.position ? ` to ${frames[each.last]}` : ""}, ${each.matched} of ${each.joints} joints matched`,
  })), app);
}

/** Controls of the style: [key, label, kind, ...range]. */
const STYLE = [
  ["skeleton", "Skeletons", "check"], ["boxes", "Boxes", "check"], ["ids", "Ids and names", "check"],
  ["labels", "Names of joints", "check"], ["fadeUnsure", "Fade unsure joints", "check"],
  ["onlySelected", "Selected people only", "check"], ["colourBy", "Colours by", ["id", "side", "score"]],
  ["width", "Line width", [1, 8, 0.5]], ["minScore", "Least score of a joint", [0, 0.95, 0.01]],
  ["trail", "Trail in seconds", [0, 5, 0.5]], ["image", "Video brightness", [0, 1, 0.1]],
];

export function showStyle(app) {
  document.getElementById("style").replaceChildren(...STYLE.flatMap(([key, text, kind]) => {
    const id = `style-${key}`, value = app.style[key];
    const set = (value) => app.setStyle(key, value);
    let control;
    if (kind === "check") control = make("input", { id, type: "checkbox", checked: value, onchange: (event) => set(event.target.checked) });
    else if (typeof kind[0] === "string") {
      control = make("select", { id, onchange: (event) => set(event.target.value) }, ...kind.map((name) => new Option(name, name, false, name === value)));
    } else {
      const [min, max, step] = kind;
      control = make("input", { id, type: "range", min, max, step, oninput: (event) => set(Number(event.target.value)) });
      control.value = value;
    }
    return [make("label", { htmlFor: id, textContent: text }), control];
  }));
}

export function showKeys() {
  const keys = [
    ["Space", "play or pause"], ["← →", "one frame back or on; ten with Shift"], ["Home End", "first or last frame"],
    ["+ − 0", "zoom, whole picture"], ["[ ]", "slower, faster"], ["g", "go to a frame"], ["m", "drag joints"],
    ["Ctrl+Z, Ctrl+Y", "undo, redo"], ["Esc", "select nobody"], ["?", "these keys"],
  ];
  document.querySelector("#keys table").replaceChildren(...keys.map(([key, text]) =>
    make("tr", {}, make("td", {}, make("kbd", { textContent: key })), make("td", { textContent: text }))));
  document.getElementById("keys").showModal();
}
