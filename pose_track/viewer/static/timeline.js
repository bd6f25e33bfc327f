// A bar for each person over time: coloured by person, stronger with the score, hatched by source.

import { MARK_COLOURS, isDark } from "./drawing.js";
import { niceStep, sizedContext, steerRange } from "./axis.js";

const ROW = 18, TOP = 24, MAX_ROWS = 800; // a canvas cannot be much higher

export class Timeline {
  constructor(element, app) {
    Object.assign(this, { element, app });
    this.canvas = element.querySelector("canvas");
    this.head = element.querySelector(".head");
    steerRange(this.canvas, app.range, (position, event) => this.#click(position, event));
    new ResizeObserver(() => this.draw()).observe(element);
  }

  /** The results' people, one to a row: {result, person}. */
  get #rows() {
    const rows = this.app.visibleResults.flatMap((result) => result.people.map((person) => ({ result, person })));
    return rows.slice(0, MAX_ROWS);
  }

  #click(position, event) {
    this.app.seek(Math.round(position));
    if (event.type !== "pointerdown") return;
    const row = this.#rows[Math.floor((event.clientY - this.canvas.getBoundingClientRect().top - TOP) / ROW)];
    if (row?.result.number === 0) this.app.select(row.person.id, event.shiftKey || event.ctrlKey || event.metaKey);
  }

  draw() {
    const rows = this.#rows, width = this.element.clientWidth;
    const context = sizedContext(this.canvas, width, TOP + ROW * rows.length + 4);
    const colours = getComputedStyle(document.documentElement);
    const text = colours.getPropertyValue("--text"), faint = colours.getPropertyValue("--line");
    this.#drawRuler(context, width, text, faint, TOP + ROW * rows.length);
    rows.forEach(({ result, person }, n) => this.#drawRow(context, width, result, person, TOP + ROW * n, text));
    this.#drawFaults(context, width);
    this.drawHead();
  }

  #drawRuler(context, width, text, faint, bottom) {
    const { range, content } = this.app;
    const step = Math.max(1, niceStep(range.last - range.first, width / 70));
    context.font = "11px system-ui, sans-serif";
    for (let at = Math.ceil(range.first / step) * step; at <= range.last; at += step) {
      const x = range.toX(at, width);
      context.fillStyle = faint;
      context.fillRect(x, TOP - 6, 1, bottom - TOP + 6);
      context.fillStyle = text;
      if (x < width - 25) context.fillText(content.frames[at] ?? "", x + 3, 12);
    }
  }

  #drawRow(context, width, result, person, top, text) {
    const { range, content, selected } = this.app, colour = result.colourOf(person.id);
    const isSelected = result.number === 0 && selected.has(person.id);
    if (isSelected) { context.globalAlpha = 0.15; context.fillStyle = text; context.fillRect(0, top, width, ROW); }
    context.globalAlpha = 0.35;
    context.fillStyle = text;
    const start = range.toX(person.first, width), end = range.toX(person.last + 1, width);
    context.fillRect(start, top + ROW / 2, end - start, 1); // gaps
    for (const [first, last, source, level] of person.runs) {
      if (last < range.first || first > range.last) continue;
      const x = range.toX(first, width), right = Math.max(x + 1, range.toX(last + 1, width));
      context.globalAlpha = 0.35 + (0.65 * (level + 1)) / content.score_levels;
      context.fillStyle = colour;
      const name = content.sources[source];
      const inset = name === "detector" || name === "recorded" ? 3 : 6; // warped and filled ones are thinner
      context.fillRect(x, top + inset, right - x, ROW - 2 * inset);
      if (name === "filled") this.#hatch(context, x, right, top);
    }
    this.#drawMarks(context, width, result, person, top);
    context.globalAlpha = 1;
    const label = this.app.nameOf(result.number, person.id), at = Math.max(2, start + 3);
    context.font = `${isSelected ? 700 : 600} 11px system-ui, sans-serif`;
    context.fillStyle = start >= 0 || end > 30 ? (isDark(colour) ? "#fff" : "#000") : text;
    if (start < width && end > at) context.fillText(label, at, top + ROW - 5.5);
  }

  #hatch(context, x, right, top) {
    context.globalAlpha = 0.6;
    context.fillStyle = "#fff";
    for (let at = x + 2; at < right; at += 5) context.fillRect(at, top + 6, 1.5, ROW - 12);
  }

  #drawMarks(context, width, result, person, top) {
    context.globalAlpha = 1;
    for (const mark of this.app.marksOf(result.number, person.id)) {
      context.fillStyle = MARK_COLOURS[mark.kind];
      const x = this.app.range.toX(mark.position, width);
      context.fillRect(x, top + ROW - 4, Math.max(1.5, this.app.range.toX(mark.position + 1, width) - x), 3);
    }
  }

  #drawFaults(context, width) {
    for (const { faults } of this.app.content.results) {
      for (const { position } of faults) {
        const x = this.app.range.toX(position, width);
        context.fillStyle = "#e42536";
        context.beginPath();
        context.moveTo(x - 4, TOP - 9); context.lineTo(x + 4, TOP - 9); context.lineTo(x, TOP - 1);
        context.fill();
      }
    }
  }

  drawHead() {
    const x = this.app.range.toX(this.app.shown + 0.5, this.element.clientWidth);
    this.head.style.transform = `translateX(${x}px)`;
  }
}
