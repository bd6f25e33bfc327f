// The part of the video that timeline and curves show.

/** first, last: positions, as numbers with fractions. `onChange` is called after each change. */
export class VisibleRange {
  constructor(length, onChange) {
    Object.assign(this, { length, onChange, first: 0, last: Math.max(1, length - 1) });
  }

  /** Zoom around a position. */
  zoomBy(factor, at) {
    const span = Math.min(Math.max(1, this.length - 1), Math.max(10, (this.last - this.first) / factor));
    const share = (at - this.first) / (this.last - this.first);
    this.#set(at - share * span, span);
  }

  moveBy(positions) { this.#set(this.first + positions, this.last - this.first); }

  /** Follow a position that has left the range. */
  reveal(position) {
    const span = this.last - this.first;
    if (position < this.first || position > this.last) this.#set(position - span * 0.1, span);
  }

  all() { this.#set(0, Math.max(1, this.length - 1)); }

  #set(first, span) {
    this.first = Math.max(0, Math.min(first, Math.max(1, this.length - 1) - span));
    this.last = this.first + span;
    this.onChange();
  }

  /** The place of a position on an axis of this width. */
  toX(position, width) { return ((position - this.first) / (this.last - this.first)) * width; }
  toPosition(x, width) { return this.first + (x / width) * (this.last - this.first); }
}

/** Let wheel and pointer of an element zoom, move and click a range. `onClick` gets a position and the event. */
export function steerRange(element, range, onClick) {
  const at = (event) => range.toPosition(event.clientX - element.getBoundingClientRect().left, element.clientWidth);
  element.addEventListener("wheel", (event) => {
    if (!(event.ctrlKey || event.metaKey || event.shiftKey || event.deltaX)) return; // the list scrolls
    event.preventDefault();
    const delta = event.deltaX || event.deltaY;
    if (event.ctrlKey || event.metaKey) range.zoomBy(Math.exp(-event.deltaY * 0.003), at(event));
    else range.moveBy((delta / element.clientWidth) * (range.last - range.first));
  }, { passive: false });
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    onClick(at(event), event);
    if (event.pointerType !== "mouse") return; // a finger scrolls
    element.setPointerCapture(event.pointerId);
    const move = (moved) => onClick(at(moved), moved);
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", () => element.removeEventListener("pointermove", move), { once: true });
  });
}

/** Make a canvas as large as it is shown; returns its context, in CSS pixels. */
export function sizedContext(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/** Round steps that divide a length into at most `most` parts. */
export function niceStep(length, most) {
  const rough = length / most, power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
}
