// The picture: image and people on a canvas, with zoom, pan, selection and dragging of joints.

import { drawMarks, drawPeople, drawTrails } from "./drawing.js";

const GRAB = 12; // screen pixels around a joint

/** One or two views of the video with the same zoom, side by side or as one. */
export class Stage {
  #pointers = new Map();
  #drag = null; // what a pressed pointer moves

  /** app: the state, see `app.js`. */
  constructor(canvas, app) {
    Object.assign(this, { canvas, app, zoom: 1, x: 0, y: 0 });
    this.context = canvas.getContext("2d");
    new ResizeObserver(() => this.#resize()).observe(canvas.parentElement);
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => this.#up(event));
  }

  #resize() {
    const { width, height } = this.canvas.parentElement.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.max(1, Math.round(width * ratio));
    this.canvas.height = Math.max(1, Math.round(height * ratio));
    this.app.redraw();
  }

  /** How many views there are, and the size of one in canvas pixels. */
  get #layout() {
    const two = this.app.sideBySide;
    const { width, height } = this.canvas;
    if (!two) return { columns: 1, rows: 1, width, height };
    const beside = width > height * 1.2;
    return beside ? { columns: 2, rows: 1, width: width / 2, height } : { columns: 1, rows: 2, width, height: height / 2 };
  }

  /** Canvas pixels for one pixel of the image. */
  get scale() {
    const { width, height } = this.#layout;
    return Math.min(width / this.app.content.width, height / this.app.content.height) * this.zoom;
  }

  /** The place of the image's top left corner in a view. */
  get #origin() {
    const { width, height } = this.#layout, scale = this.scale;
    return [(width - this.app.content.width * scale) / 2 + this.x, (height - this.app.content.height * scale) / 2 + this.y];
  }

  fit() { Object.assign(this, { zoom: 1, x: 0, y: 0 }); this.app.redraw(); }

  /** Zoom around a place of a view, in canvas pixels; around its middle without one. */
  zoomBy(factor, at) {
    const { width, height } = this.#layout;
    const [px, py] = at ?? [width / 2, height / 2];
    const zoom = Math.min(40, Math.max(0.5, this.zoom * factor));
    const real = zoom / this.zoom;
    this.x = (px - width / 2) * (1 - real) + this.x * real;
    this.y = (py - height / 2) * (1 - real) + this.y * real;
    this.zoom = zoom;
    this.app.redraw();
  }

  /** The place of an event in a view, in canvas pixels, the place in the image, and the result shown there. */
  #place(event) {
    const { width, height } = this.#layout, bounds = this.canvas.getBoundingClientRect();
    const ratio = this.canvas.width / bounds.width;
    const cx = (event.clientX - bounds.left) * ratio, cy = (event.clientY - bounds.top) * ratio;
    const view = this.app.sideBySide ? Math.floor(cx / width) + Math.floor(cy / height) : 0;
    const at = [cx % width, cy % height], [ox, oy] = this.#origin;
    return { at, view: Math.min(1, view), image: [(at[0] - ox) / this.scale, (at[1] - oy) / this.scale] };
  }

  /** Client coordinates of a place in the image, in the first view. */
  clientPlace([x, y]) {
    const bounds = this.canvas.getBoundingClientRect(), ratio = this.canvas.width / bounds.width, [ox, oy] = this.#origin;
    return [bounds.left + (ox + x * this.scale) / ratio, bounds.top + (oy + y * this.scale) / ratio];
  }

  #wheel(event) {
    event.preventDefault();
    this.zoomBy(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), this.#place(event).at);
  }

  #down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, event);
    if (this.#pointers.size > 1) { this.#drag = null; return; }
    const place = this.#place(event);
    const joint = this.app.mending && event.button === 0 ? this.#jointAt(place) : null;
    this.#drag = joint ? { joint, moved: false } : { start: event, moved: false, place };
    if (joint) this.app.selectJoint(joint.person.id, joint.joint);
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) { this.#hover(event); return; }
    this.#pointers.set(event.pointerId, event);
    const ratio = this.canvas.width / this.canvas.getBoundingClientRect().width;
    if (this.#pointers.size > 1) { this.#pinch(before, event); return; }
    if (!this.#drag) return;
    if (this.#drag.joint) {
      this.#drag.moved = true;
      this.app.dragged = { ...this.#drag.joint, place: this.#place(event).image };
    } else {
      this.#drag.moved ||= Math.hypot(event.clientX - this.#drag.start.clientX, event.clientY - this.#drag.start.clientY) > 4;
      if (!this.#drag.moved) return;
      this.x += (event.clientX - before.clientX) * ratio;
      this.y += (event.clientY - before.clientY) * ratio;
    }
    this.app.redraw();
  }

  #hover(event) {
    this.canvas.style.cursor = this.app.mending && this.#jointAt(this.#place(event)) ? "crosshair" : "grab";
  }

  #pinch(before, event) {
    const other = [...this.#pointers.values()].find((each) => each.pointerId !== event.pointerId);
    const distance = ({ clientX, clientY }) => Math.hypot(clientX - other.clientX, clientY - other.clientY);
    this.zoomBy(distance(event) / Math.max(1, distance(before)), this.#place(event).at);
  }

  #up(event) {
    this.#pointers.delete(event.pointerId);
    const drag = this.#drag;
    this.#drag = null;
    if (!drag) return;
    if (drag.joint) {
      const dragged = this.app.dragged;
      if (drag.moved && dragged) this.app.moveJoint(dragged); else this.app.redraw();
    } else if (!drag.moved && event.type === "pointerup") {
      this.app.select(this.#personAt(drag.place), event.shiftKey || event.ctrlKey || event.metaKey);
    }
  }

  /** The nearest joint in reach, first those of selected people. */
  #jointAt({ image: [x, y], view }) {
    if (view === 1 && this.app.sideBySide) return null;
    const { app } = this, reach = (GRAB * (window.devicePixelRatio || 1)) / this.scale;
    let best = null, nearest = reach;
    for (const person of app.results[0].records.at(app.shown) ?? []) {
      if (app.selected.size && !app.selected.has(person.id)) continue;
      for (let joint = 0; joint < app.results[0].skeleton.joints.length; joint++) {
        if (!person.has(joint, app.style.minScore)) continue;
        const [jx, jy] = person.joint(joint), distance = Math.hypot(jx - x, jy - y);
        if (distance < nearest) [best, nearest] = [{ person, joint }, distance];
      }
    }
    return best;
  }

  /** The id of the person of the first result at a place: the smallest box around it. */
  #personAt({ image: [x, y] }) {
    const area = ({ box }) => (box[2] - box[0]) * (box[3] - box[1]);
    const inside = (this.app.results[0].records.at(this.app.shown) ?? []).filter(
      ({ box }) => x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3]);
    return inside.length ? inside.reduce((a, b) => (area(a) <= area(b) ? a : b)).id : null;
  }

  draw() {
    const { context, app } = this, layout = this.#layout;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const image = app.frames?.get(app.shown);
    for (let view = 0; view < layout.columns * layout.rows; view++) {
      context.save();
      const left = (view % layout.columns) * layout.width, top = Math.floor(view / layout.columns) * layout.height;
      context.beginPath();
      context.rect(left, top, layout.width, layout.height);
      context.clip();
      const [ox, oy] = this.#origin, scale = this.scale;
      context.setTransform(scale, 0, 0, scale, left + ox, top + oy);
      this.#drawImage(image);
      for (const result of app.sideBySide ? [app.results[view]] : app.visibleResults) this.#drawResult(result);
      if (app.sideBySide) this.#drawTitle(app.results[view].name, left, top);
      context.restore();
    }
  }

  #drawImage(image) {
    const { context, app } = this, { width, height } = app.content;
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    if (image && app.style.image > 0) {
      context.globalAlpha = app.style.image;
      context.imageSmoothingEnabled = this.scale < 3;
      context.drawImage(image, 0, 0, width, height);
      context.globalAlpha = 1;
    }
  }

  #drawResult(result) {
    const { context, app } = this;
    const people = result.records.at(app.shown);
    if (!people) return;
    const scale = this.scale / (window.devicePixelRatio || 1);
    const view = {
      scale, selected: result.number === 0 ? app.selected : new Set(), dashed: result.number === 1 && !app.sideBySide,
      colourOf: (id) => result.colourOf(id), labelOf: (id) => result.labelOf(id),
    };
    const trail = Math.round(app.style.trail * app.content.fps);
    if (trail) drawTrails(context, result.records, app.shown, trail, view);
    const shown = result.number === 0 ? people.map((person) => this.#withDragged(person)) : people;
    drawPeople(context, shown, result.skeleton, app.style, view);
    if (app.content.has_truth) drawMarks(context, people, app.marksAt(app.shown, result.number), scale);
    if (result.number === 0) this.#drawChosenJoint(shown, scale);
  }

  #withDragged(person) {
    const { dragged } = this.app;
    if (!dragged || dragged.person.id !== person.id || dragged.position !== undefined && dragged.position !== this.app.shown)
      return person;
    const copy = Object.create(person);
    copy.joints = person.joints.slice();
    copy.joints.set([...dragged.place, 1], 3 * dragged.joint);
    return copy;
  }

  #drawChosenJoint(people, scale) {
    const { chosenJoint } = this.app;
    const person = this.app.mending && chosenJoint && people.find(({ id }) => id === chosenJoint.id);
    if (!person || !person.has(chosenJoint.joint)) return;
    this.context.strokeStyle = "#fff";
    this.context.lineWidth = 2 / scale;
    this.context.beginPath();
    this.context.arc(...person.joint(chosenJoint.joint), 8 / scale, 0, 2 * Math.PI);
    this.context.stroke();
  }

  #drawTitle(text, left, top) {
    const { context } = this, ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, left, top);
    context.font = "600 13px system-ui, sans-serif";
    context.fillStyle = "#000a";
    context.fillRect(6, 6, context.measureText(text).width + 12, 22);
    context.fillStyle = "#fff";
    context.fillText(text, 12, 21);
  }
}
