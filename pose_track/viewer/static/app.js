// The state of the viewer, and what changes it.

import { VisibleRange } from "./axis.js";
import { Curves, QUANTITIES } from "./curves.js";
import { PlayedFrames, ServedFrames } from "./frames.js";
import { Measures } from "./measures.js";
import { Portraits, showActions, showDifferences, showEdits, showErrors, showKeys, showPeople, showStyle } from "./panels.js";
import { Records } from "./records.js";
import { openSource } from "./source.js";
import { Stage } from "./stage.js";
import { Timeline } from "./timeline.js";

const SPEEDS = [0.1, 0.25, 0.5, 1, 1.5, 2];
const MAX_LAG_SECONDS = 0.3; // how far the time of playing runs ahead of the images
const element = (id) => document.getElementById(id);

/** One of the shown results. */
class ShownResult {
  constructor(number, values, records, measures) {
    Object.assign(this, values, { number, records, measures, people: [] });
    this.byId = new Map();
  }

  setPeople(people) {
    this.people = people;
    this.byId = new Map(people.map((person) => [person.id, person]));
  }

  colourOf(id) { return this.byId.get(id)?.colour ?? "#9c9ca1"; }
  labelOf(id) { return this.byId.get(id)?.name || String(id); }
}

class App {
  shown = 0; // the position whose image and people are on screen
  position = 0; // the one that is wanted
  playing = false;
  speed = 1;
  selected = new Set();
  several = false; // whether each click adds a person, for those without a Shift key
  mending = false;
  chosenJoint = null;
  dragged = null;
  span = [0, 0]; // frame indices
  marks = [];
  layout = "over";
  tab = "People";
  style = {
    skeleton: true, boxes: false, ids: true, labels: false, fadeUnsure: true, onlySelected: false, colourBy: "id",
    width: 2.5, minScore: 0.4, trail: 0, image: 1,
  };
  #dirty = new Set();
  #marksByPlace = new Map();
  #marksByPerson = new Map();

  async start() {
    this.source = openSource();
    this.portraits = new Portraits(this.source);
    this.content = await this.source.content();
    this.edits = this.content.edits;
    this.style.minScore = this.content.min_joint_score;
    const { results, frames } = this.content;
    this.results = results.map((values, number) => new ShownResult(number, values,
      new Records(this.source, number, values.skeleton, this.content.block_frames, () => this.redraw("stage", "curves")),
      new Measures(this.source, number, () => this.redraw("curves"), (error) => this.say(error.message, true))));
    this.range = new VisibleRange(frames.length, () => this.redraw("timeline", "curves"));
    this.span = [frames[0], frames.at(-1)];
    if (this.content.has_images) {
      const Frames = this.source.video ? PlayedFrames : ServedFrames;
      const from = this.source.video ?? this.source;
      this.frames = new Frames(from, this.content, () => { this.#arrive(); this.redraw("stage"); });
    }
    this.stage = new Stage(document.querySelector("#stage canvas"), this);
    this.timeline = new Timeline(element("timeline"), this);
    this.curves = { quantity: "y", names: [this.#firstName()] };
    this.curveView = new Curves(element("curves"), this);
    this.#setUp();
    await this.#loadPeople();
    this.seek(0);
    if (results.length > 1) await Promise.all([this.#loadDifferences(), this.#loadMarks()]);
    document.body.dataset.ready = "yes";
  }

  /** A person, also of which result where there are two: "gt 3" or "B 3". */
  nameOf(result, id) {
    const prefix = result === 0 ? "" : this.content.has_truth ? "gt " : "B ";
    return prefix + this.results[result].labelOf(id);
  }

  /** What plays a video, as against its single frames. */
  get player() { return this.frames?.player ?? (this.frames?.video ? this.frames : null); }

  get visibleResults() { return this.layout === "0" || this.layout === "1" ? [this.results[Number(this.layout)]] : this.results; }
  get sideBySide() { return this.layout === "beside" && this.results.length > 1; }

  /** What has curves of the quantity: angles, or joints. */
  #curveNames() { return this.curves?.quantity === "angle" ? this.results[0].angles : this.results[0].skeleton.joints; }

  /** A knee or elbow, or the first. */
  #firstName() {
    const names = this.#curveNames();
    return names.find((name) => /knee|elbow/.test(name)) ?? names[0];
  }

  // What is on screen -------------------------------------------------------------------------------------------------

  /** Draw parts anew with the next frame of the screen: "stage", "timeline", "curves", "lists". */
  redraw(...parts) {
    if (!this.#dirty.size) requestAnimationFrame(() => this.#draw());
    for (const part of parts.length ? parts : ["stage"]) this.#dirty.add(part);
  }

  #draw() {
    const dirty = this.#dirty;
    this.#dirty = new Set();
    if (!this.stage || !this.timeline || !this.curveView) return;
    if (dirty.has("stage")) this.stage.draw();
    if (dirty.has("timeline")) this.timeline.draw();
    if (dirty.has("curves") && this.tab === "Curves") this.curveView.draw();
    if (dirty.has("lists")) { showPeople(this); showActions(this); showEdits(this); }
    if (dirty.has("heads")) { this.timeline.drawHead(); this.curveView.drawHead(); }
    if (dirty.has("heads") && !this.playing) showActions(this);
  }

  seek(position) {
    this.position = Math.max(0, Math.min(this.content.frames.length - 1, position));
    if (this.playing && this.player?.playing) { this.pause(); this.#jumpAndPlay(position); return; }
    if (this.playing) this.#clockFrom(this.position);
    this.frames?.want(this.position);
    this.#arrive();
  }

  #jumpAndPlay(position) {
    this.#show(Math.max(0, Math.min(this.content.frames.length - 1, position)));
    this.play();
  }

  /** Show the wanted frame if its image is there. */
  #arrive() {
    if (this.playing || this.frames?.get(this.position) === null) return;
    this.#show(this.position);
  }

  #show(position) {
    if (position !== this.shown && this.dragged?.position === undefined) this.dragged = null;
    this.shown = position;
    const { frames, seconds } = this.content;
    if (document.activeElement !== element("frame")) element("frame").value = frames[position];
    if (document.activeElement !== element("seconds")) element("seconds").value = seconds[position].toFixed(3);
    document.body.dataset.shown = position;
    for (const { records } of this.results) records.at(Math.min(frames.length - 1, position + 60)); // ahead of playing
    this.range.reveal(position);
    this.redraw("stage", "heads");
  }

  // Playing -------------------------------------------------------------------------------------------------------------

  togglePlay() { if (this.playing) this.pause(); else this.play(); }

  play() {
    if (this.shown === this.content.frames.length - 1) this.#show(0);
    this.playing = true;
    element("play").textContent = "❚❚ Pause";
    if (this.player?.canPlay) this.player.play(this.shown, this.speed, (position) => this.#played(position));
    else { this.#clockFrom(this.shown); requestAnimationFrame((now) => this.#tick(now)); }
  }

  pause() {
    this.playing = false;
    this.player?.pause();
    this.position = this.shown;
    this.frames?.want(this.position);
    this.redraw("heads");
    element("play").textContent = "▶ Play";
  }

  #clockFrom(position) {
    this.clock = this.content.seconds[position];
    this.lastTick = null;
    this.#show(position);
  }

  #tick(now) {
    if (!this.playing) return;
    if (this.lastTick !== null) this.clock += ((now - this.lastTick) / 1000) * this.speed;
    this.lastTick = now;
    const { seconds } = this.content;
    this.clock = Math.min(this.clock, seconds[this.shown] + MAX_LAG_SECONDS * Math.max(1, this.speed));
    let due = this.shown;
    while (due + 1 < seconds.length && seconds[due + 1] <= this.clock) due++;
    if (this.frames) {
      this.frames.want(this.shown + 1, this.frames.stride(this.content.fps * this.speed));
      while (due > this.shown && this.frames.get(due) === null) due--;
    }
    if (due !== this.shown) this.#show(due);
    if (this.shown === seconds.length - 1) this.pause();
    else requestAnimationFrame((next) => this.#tick(next));
  }

  #played(position) {
    if (!this.player.canPlay) { this.pause(); this.play(); return; } // it plays other times: image by image then
    this.#show(position);
    if (this.player.ended || position === this.content.frames.length - 1) this.pause();
  }

  setSpeed(speed) {
    this.speed = speed;
    element("speed").value = speed;
    if (this.player?.playing) this.player.video.playbackRate = speed;
  }

  // People --------------------------------------------------------------------------------------------------------------

  /** add: besides those who are selected, as with Shift; always while several are chosen. */
  select(id, add = false) {
    add ||= this.several && id !== null;
    const had = this.selected.has(id);
    if (!add) this.selected = new Set(id === null || (had && this.selected.size === 1) ? [] : [id]);
    else if (id !== null) { if (had) this.selected.delete(id); else this.selected.add(id); }
    this.chosenJoint = null;
    this.redraw("stage", "timeline", "curves", "lists");
  }

  selectJoint(id, joint) {
    this.chosenJoint = { id, joint };
    this.redraw("stage", "lists");
  }

  async #loadPeople() {
    await Promise.all(this.results.map(async (result) => result.setPeople((await this.source.people(result.number)).people)));
    const known = this.results[0].byId;
    this.selected = new Set([...this.selected].filter((id) => known.has(id)));
    this.redraw("stage", "timeline", "curves", "lists");
  }

  async #loadDifferences() {
    this.differences = await this.source.differences(Number(element("distance").value) || 0);
    showDifferences(this, this.differences);
  }

  async #loadMarks() {
    if (!this.content.has_truth) return;
    this.marks = await this.source.marks();
    this.#marksByPlace = new Map();
    this.#marksByPerson = new Map();
    for (const mark of this.marks) {
      const place = `${mark.position} ${mark.result}`, person = `${mark.result} ${mark.id}`;
      if (!this.#marksByPlace.has(place)) this.#marksByPlace.set(place, new Map());
      this.#marksByPlace.get(place).set(mark.id, mark);
      if (!this.#marksByPerson.has(person)) this.#marksByPerson.set(person, []);
      this.#marksByPerson.get(person).push(mark);
    }
    showErrors(this);
    this.redraw("stage", "timeline");
  }

  marksAt(position, result) { return this.#marksByPlace.get(`${position} ${result}`) ?? new Map(); }
  marksOf(result, id) { return this.#marksByPerson.get(`${result} ${id}`) ?? []; }

  // Edits ---------------------------------------------------------------------------------------------------------------

  /** Save an edit at the server, then show the result anew. */
  async edit(values) {
    if (!this.edits.allowed) return;
    try {
      const { edits } = await this.source.edit(values);
      this.edits = edits;
      this.results[0].measures.renew();
      await Promise.all([this.results[0].records.renew(this.shown), this.#loadPeople()]);
      this.say(edits.list.length ? `Saved: ${edits.list.at(-1)}` : "Saved: no edits");
      if (this.results.length > 1) await Promise.all([this.#loadDifferences(), this.#loadMarks()]);
    } catch (error) {
      this.say(error.message, true);
    }
    this.dragged = null;
    this.#showUndo();
    this.redraw("stage", "timeline", "curves", "lists");
  }

  moveJoint({ person, joint, place }) {
    const [x, y] = place.map((value) => Math.round(value * 100) / 100);
    this.dragged = { person, joint, place, position: this.shown }; // until the server has it
    return this.edit({ op: "move_joint", id: person.id, frame: this.content.frames[this.shown],
      joint: this.results[0].skeleton.joints[joint], x, y });
  }

  rename(id) {
    const name = window.prompt(`Name of person ${id}; empty for none`, this.results[0].byId.get(id)?.name ?? "");
    if (name !== null) this.edit({ op: "rename", id, name: name.trim() });
  }

  toggleSeveral() {
    this.several = !this.several;
    this.redraw("lists");
  }

  toggleMending() {
    this.mending = !this.mending && this.edits.allowed;
    this.chosenJoint = null;
    this.redraw("stage", "lists");
  }

  setSpan(end) {
    this.span[end] = this.content.frames[this.shown];
    if (this.span[0] > this.span[1]) this.span[1 - end] = this.span[end];
    this.redraw("lists");
  }

  say(text, isError = false) {
    element("status").textContent = text;
    element("status").classList.toggle("error", isError);
  }

  #showUndo() {
    for (const name of ["undo", "redo"]) {
      element(name).hidden = !this.edits.allowed;
      element(name).disabled = !this.edits[name];
    }
  }

  // Controls ------------------------------------------------------------------------------------------------------------

  setStyle(key, value) {
    this.style[key] = value;
    this.redraw("stage", "curves");
  }

  #setUp() {
    const { results, has_truth } = this.content, [first, second] = results.map(({ name }) => name);
    const names = !second ? first : has_truth ? `${first}, gt ${second}` : `A ${first}, B ${second}`;
    element("title").textContent = names;
    document.title = `${names} - pose-track`;
    if (!results[0].complete) this.say("The run was not finished: later frames are missing.", true);
    const faults = results.flatMap(({ faults }) => faults), frames = this.content.frames;
    if (faults.length) {
      element("hint").textContent = `Faults: ${faults.length}, marked by red triangles`;
      element("hint").title = faults.map(({ position, message }) => `frame ${frames[position]}: ${message}`).join("\n");
    }
    const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
    this.setTheme(new URLSearchParams(location.search).get("theme") ?? (dark ? "dark" : "light"));
    element("theme").onclick = () => this.setTheme(document.documentElement.classList.contains("dark") ? "light" : "dark");
    element("undo").onclick = () => this.edit({ op: "undo" });
    element("redo").onclick = () => this.edit({ op: "redo" });
    this.#showUndo();
    this.#setUpTransport();
    this.#setUpTabs();
    this.#setUpCurves();
    showStyle(this);
    element("distance").value = this.content.joint_distance;
    element("distance").disabled = !(this.source.edit);
    element("distance").onchange = () => this.#loadDifferences().catch((error) => this.say(error.message, true));
    element("difference-kind").onchange = () => showDifferences(this, this.differences ?? []);
    window.addEventListener("keydown", (event) => this.#key(event));
  }

  setTheme(theme) {
    document.documentElement.classList.toggle("dark", theme === "dark");
    this.redraw("stage", "timeline", "curves");
  }

  #setUpTransport() {
    for (const button of document.querySelectorAll("[data-do]")) button.onclick = () => this.#do(button.dataset.do);
    element("speed").onchange = (event) => this.setSpeed(Number(event.target.value));
    const submit = (id, find) => {
      element(id).onchange = (event) => {
        const value = Number(event.target.value);
        event.target.blur();
        if (event.target.value.trim() === "" || Number.isNaN(value)) this.#show(this.shown);
        else this.seek(find(value));
      };
    };
    submit("frame", (frame) => this.#nearest(this.content.frames, frame));
    submit("seconds", (seconds) => this.#nearest(this.content.seconds, seconds));
    const layout = element("layout");
    layout.hidden = this.results.length < 2;
    layout.onchange = () => { this.layout = layout.value; this.redraw("stage", "timeline", "lists"); };
  }

  #nearest(values, value) {
    let best = 0;
    for (let n = 1; n < values.length; n++) if (Math.abs(values[n] - value) < Math.abs(values[best] - value)) best = n;
    return best;
  }

  #setUpTabs() {
    const available = { Differences: this.results.length > 1, Errors: this.content.has_truth, Edits: this.edits.allowed };
    const sections = [...document.querySelectorAll("aside > section")];
    const tabs = sections.map(({ dataset: { tab } }) => Object.assign(document.createElement("button"),
      { textContent: tab, hidden: available[tab] === false, role: "tab", onclick: () => this.openTab(tab) }));
    element("tabs").replaceChildren(...tabs);
    this.openTab("People");
  }

  openTab(name) {
    this.tab = name;
    for (const section of document.querySelectorAll("aside > section")) section.hidden = section.dataset.tab !== name;
    for (const tab of element("tabs").children) tab.setAttribute("aria-selected", tab.textContent === name);
    this.redraw("curves");
  }

  #setUpCurves() {
    const quantity = element("quantity"), joints = element("joints");
    quantity.replaceChildren(...Object.entries(QUANTITIES).map(([key, { name }]) => new Option(name, key)));
    quantity.value = this.curves.quantity;
    quantity.onchange = () => { this.curves.quantity = quantity.value; this.#listCurves(joints); };
    joints.onchange = () => {
      this.curves.names = [...joints.selectedOptions].map(({ value }) => value);
      this.redraw("curves");
    };
    this.#listCurves(joints);
  }

  /** Offer what the quantity has, and keep those that are chosen. */
  #listCurves(joints) {
    const names = this.#curveNames(), kept = this.curves.names.filter((name) => names.includes(name));
    this.curves.names = kept.length || !names.length ? kept : [this.#firstName()];
    joints.replaceChildren(...names.map((name) =>
      new Option(name.replaceAll("_", " "), name, false, this.curves.names.includes(name))));
    this.redraw("curves");
  }

  #do(name) {
    const step = (frames) => { this.pause(); this.seek(this.position + frames); };
    const speed = (by) => this.setSpeed(SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, SPEEDS.indexOf(this.speed) + by))]);
    const actions = {
      first: () => step(-Infinity), last: () => step(Infinity), back: () => step(-1), forward: () => step(1),
      "back-10": () => step(-10), "forward-10": () => step(10), play: () => this.togglePlay(),
      "zoom-in": () => this.stage.zoomBy(1.4), "zoom-out": () => this.stage.zoomBy(1 / 1.4), fit: () => this.stage.fit(),
      "time-in": () => this.range.zoomBy(1.6, this.shown), "time-out": () => this.range.zoomBy(1 / 1.6, this.shown),
      "time-all": () => this.range.all(), slower: () => speed(-1), faster: () => speed(1),
      undo: () => this.edit({ op: "undo" }), redo: () => this.edit({ op: "redo" }), mend: () => this.toggleMending(),
      go: () => { element("frame").focus(); element("frame").select(); }, none: () => this.select(null), keys: showKeys,
    };
    actions[name]?.();
  }

  #key(event) {
    const { target, key } = event;
    if (target.matches("input, select") || document.querySelector("dialog[open]")) return;
    const control = event.ctrlKey || event.metaKey;
    const name = control ? { z: event.shiftKey ? "redo" : "undo", y: "redo" }[key.toLowerCase()] : {
      " ": "play", ArrowLeft: event.shiftKey ? "back-10" : "back", ArrowRight: event.shiftKey ? "forward-10" : "forward",
      Home: "first", End: "last", "+": "zoom-in", "=": "zoom-in", "-": "zoom-out", 0: "fit", "[": "slower", "]": "faster",
      g: "go", m: "mend", Escape: "none", "?": "keys",
    }[key];
    if (!name) return;
    event.preventDefault();
    this.#do(name);
  }
}

const app = new App();
globalThis.poseTrackViewer = app; // for tests, and for the console
app.start().catch((error) => app.say(error.message, true));
