// Curves of joints, angles and speeds of the selected people.

import { niceStep, sizedContext, steerRange } from "./axis.js";

const BOTTOM = 18, MAX_FRAMES = 30000, LINES = [[], [5, 3], [1.5, 3], [8, 3, 2, 3]];

/** What can be drawn over time, of a joint, which has x y score, or as the program measures it. */
export const QUANTITIES = {
  x: { name: "x (pixels)", part: 0 },
  y: { name: "y (pixels, downwards)", part: 1 },
  speed: { name: "speed (pixels a second)" },
  angle: { name: "angle (degrees)" },
  score: { name: "score of the joint", part: 2 },
};

export class Curves {
  constructor(element, app) {
    Object.assign(this, { element, app });
    this.canvas = element.querySelector("canvas");
    this.head = element.querySelector(".head");
    this.legend = element.parentElement.querySelector(".legend");
    steerRange(this.canvas, app.range, (position) => app.seek(Math.round(position)));
    new ResizeObserver(() => this.draw()).observe(element);
  }

  get visible() { return this.element.offsetParent !== null; }

  /** {colour, line, label, points: [[position, value or null]]} of each person and joint. */
  #series() {
    const { app } = this, [result] = app.results;
    const ids = app.selected.size ? [...app.selected] : result.people.slice(0, 1).map((person) => person.id);
    const series = [];
    for (const id of ids) {
      app.curves.names.forEach((name, n) => {
        series.push({
          colour: result.colourOf(id), line: LINES[n % LINES.length],
          label: `${result.labelOf(id)} ${name.replaceAll("_", " ")}`,
          points: this.#points(result, id, name),
        });
      });
    }
    return series;
  }

  #points(result, id, name) {
    const { range, content, curves } = this.app, joint = result.skeleton.joints.indexOf(name);
    const points = [];
    const stride = Math.max(1, Math.floor((range.last - range.first) / 4000));
    const first = Math.floor(range.first), end = Math.min(range.last + 1, content.frames.length - 1, first + MAX_FRAMES);
    for (let position = first; position <= end; position += stride) {
      points.push([position, this.#value(result, id, curves.quantity, name, joint, position)]);
    }
    return points;
  }

  #value(result, id, quantity, name, joint, position) {
    const { part } = QUANTITIES[quantity];
    if (part === undefined) return result.measures.at(id, quantity, name, position);
    const person = result.records.person(position, id);
    return person?.has(joint, this.app.style.minScore) ? person.joints[3 * joint + part] : null;
  }

  draw() {
    if (!this.visible) return;
    const width = this.element.clientWidth, height = this.element.clientHeight;
    const context = sizedContext(this.canvas, width, height), series = this.#series();
    const values = series.flatMap(({ points }) => points.map(([, value]) => value)).filter((value) => value !== null);
    const colours = getComputedStyle(document.documentElement);
    this.#drawLegend(series);
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = colours.getPropertyValue("--text");
    if (!values.length) {
      context.fillText("No such joint here: choose people and joints, or another quantity.", 12, 24);
      this.head.style.visibility = "hidden";
      return;
    }
    this.head.style.visibility = "visible";
    const low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
    const margin = (high - low || 1) * 0.06, down = this.app.curves.quantity === "y"; // as in the picture
    const toY = (value) => {
      const share = (value - low + margin) / (high - low + 2 * margin);
      return 6 + (height - BOTTOM) * (down ? share : 1 - share);
    };
    this.#drawAxis(context, width, low - margin, high + margin, toY, colours);
    for (const { colour, line, points } of series) this.#drawSeries(context, width, colour, line, points, toY);
    this.drawHead();
  }

  #drawAxis(context, width, low, high, toY, colours) {
    const step = niceStep(high - low, 5), digits = Math.max(0, -Math.floor(Math.log10(step)));
    for (let value = Math.ceil(low / step) * step; value <= high; value += step) {
      context.fillStyle = colours.getPropertyValue("--line");
      context.fillRect(0, toY(value), width, 1);
      context.fillStyle = colours.getPropertyValue("--faint");
      context.fillText(value.toFixed(digits), 3, toY(value) - 3);
    }
  }

  #drawSeries(context, width, colour, line, points, toY) {
    context.strokeStyle = colour;
    context.lineWidth = 1.6;
    context.setLineDash(line);
    context.beginPath();
    let drawn = false;
    for (const [position, value] of points) {
      if (value === null) { drawn = false; continue; }
      const x = this.app.range.toX(position + 0.5, width);
      if (drawn) context.lineTo(x, toY(value)); else context.moveTo(x, toY(value));
      drawn = true;
    }
    context.stroke();
    context.setLineDash([]);
  }

  #drawLegend(series) {
    this.legend.replaceChildren(...series.slice(0, 12).map(({ colour, label }) => {
      const item = document.createElement("span");
      item.textContent = label;
      item.style.setProperty("--own", colour);
      return item;
    }));
  }

  drawHead() {
    this.head.style.transform = `translateX(${this.app.range.toX(this.app.shown + 0.5, this.element.clientWidth)}px)`;
  }
}
