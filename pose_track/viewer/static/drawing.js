// Drawing the people of a frame on a canvas.

const SIDES = { left: "#5790fc", right: "#f89c20", "": "#9c9ca1" };
const SCORES = ["#3a528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"]; // viridis

export function scoreColour(score) {
  return SCORES[Math.min(SCORES.length - 1, Math.floor(score * SCORES.length))];
}

/**
 * Draw people in image coordinates: the context has the transform of the view already.
 *
 * scale: screen pixels for one pixel of the image, so that lines keep their width on the screen.
 * colourOf(id): of a person. labelOf(id): the name or id.
 */
export function drawPeople(context, people, skeleton, style, { scale, selected, colourOf, labelOf, dashed }) {
  for (const person of people) {
    if (style.onlySelected && selected.size && !selected.has(person.id)) continue;
    const emphasis = selected.size && !selected.has(person.id) ? 0.45 : 1;
    const base = style.colourBy === "score" ? scoreColour(person.score) : colourOf(person.id);
    context.globalAlpha = emphasis;
    context.setLineDash(dashed ? [6 / scale, 4 / scale] : []);
    if (style.boxes || selected.has(person.id) || !person.hasJoints) drawBox(context, person, base, selected.has(person.id) ? 2 : 1, scale);
    if (style.skeleton) drawSkeleton(context, person, skeleton, style, base, scale, emphasis);
    context.setLineDash([]);
    context.globalAlpha = emphasis;
    if (style.ids) drawLabel(context, person, labelOf(person.id), base, scale);
  }
  context.globalAlpha = 1;
}

function drawBox(context, { box }, colour, width, scale) {
  context.strokeStyle = colour;
  context.lineWidth = width / scale;
  context.strokeRect(box[0], box[1], box[2] - box[0], box[3] - box[1]);
}

function drawSkeleton(context, person, skeleton, style, base, scale, emphasis) {
  const width = style.width / scale;
  const colour = (joint) =>
    style.colourBy === "side" ? SIDES[skeleton.sides[joint]]
    : style.colourBy === "score" ? scoreColour(person.joints[3 * joint + 2]) : base;
  const alpha = (score) => emphasis * (style.fadeUnsure ? 0.35 + 0.65 * score : 1);
  context.lineCap = "round";
  for (const [a, b] of skeleton.edges) {
    if (!person.has(a, style.minScore) || !person.has(b, style.minScore)) continue;
    context.globalAlpha = alpha(Math.min(person.joints[3 * a + 2], person.joints[3 * b + 2]));
    context.strokeStyle = colour(b);
    context.lineWidth = skeleton.detail[a] || skeleton.detail[b] ? width / 2 : width;
    context.beginPath();
    context.moveTo(...person.joint(a));
    context.lineTo(...person.joint(b));
    context.stroke();
  }
  context.font = `${11 / scale}px system-ui, sans-serif`;
  for (let joint = 0; joint < skeleton.joints.length; joint++) {
    if (!person.has(joint, style.minScore)) continue;
    const [x, y] = person.joint(joint);
    context.globalAlpha = alpha(person.joints[3 * joint + 2]);
    context.beginPath();
    const radius = width * 0.5 + 1.8 / scale;
    context.arc(x, y, skeleton.detail[joint] ? radius / 2 : radius, 0, 2 * Math.PI);
    context.fillStyle = colour(joint);
    context.fill();
    context.lineWidth = 0.8 / scale;
    context.strokeStyle = "#fff";
    context.stroke();
    if (style.labels) drawText(context, skeleton.joints[joint], x + 6 / scale, y - 4 / scale, scale);
  }
}

function drawText(context, text, x, y, scale) {
  context.lineWidth = 3 / scale;
  context.strokeStyle = "#000b";
  context.strokeText(text, x, y);
  context.fillStyle = "#fff";
  context.fillText(text, x, y);
}

function drawLabel(context, { box }, text, colour, scale) {
  const size = 12 / scale, pad = 3 / scale;
  context.font = `600 ${size}px system-ui, sans-serif`;
  const width = context.measureText(text).width + 2 * pad;
  const top = Math.max(0, box[1] - size - 2 * pad);
  context.fillStyle = colour;
  context.fillRect(box[0], top, width, size + 2 * pad);
  context.fillStyle = isDark(colour) ? "#fff" : "#000";
  context.fillText(text, box[0] + pad, top + size + 0.4 * pad);
}

export function isDark(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue < 140;
}

/** The way of the middle of each person's box over the last frames. */
export function drawTrails(context, records, position, length, { scale, colourOf, selected }) {
  const people = records.at(position) ?? [];
  context.lineWidth = 2 / scale;
  for (const { id } of people) {
    if (selected.size && !selected.has(id)) continue;
    context.strokeStyle = colourOf(id);
    context.beginPath();
    let drawn = false;
    for (let at = position; at >= Math.max(0, position - length); at--) {
      const person = records.person(at, id);
      if (!person) break;
      const [x1, , x2, y2] = person.box;
      if (drawn) context.lineTo((x1 + x2) / 2, y2); else context.moveTo((x1 + x2) / 2, y2);
      drawn = true;
    }
    context.stroke();
  }
}

/** Marks of the evaluation around people: missed dotted, false crossed out, switched in a double frame. */
export function drawMarks(context, people, marks, scale) {
  for (const person of people) {
    const mark = marks.get(person.id);
    if (!mark) continue;
    const [x1, y1, x2, y2] = person.box;
    context.strokeStyle = MARK_COLOURS[mark.kind];
    context.lineWidth = 3 / scale;
    context.setLineDash(mark.kind === "missed" ? [3 / scale, 5 / scale] : []);
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    context.setLineDash([]);
    if (mark.kind === "false") {
      context.beginPath();
      context.moveTo(x1, y1); context.lineTo(x2, y2); context.moveTo(x2, y1); context.lineTo(x1, y2);
      context.stroke();
    }
    const text = mark.kind === "switched" ? `switched to ${mark.partner}` : mark.kind;
    context.font = `600 ${12 / scale}px system-ui, sans-serif`;
    drawText(context, text, x1 + 3 / scale, y2 - 5 / scale, scale);
  }
}

export const MARK_COLOURS = { missed: "#f89c20", false: "#e42536", switched: "#c77cff" };
