// The people of each frame, loaded in blocks of frames.

const MAX_BLOCKS = 160; // of one result; a block of 20 people in each of 256 frames has 1.2 MB

/** A person of a frame. joints: x y score of each joint, in pixels; box: x1 y1 x2 y2. */
class PersonRecord {
  constructor(id, source, score, box, joints) {
    Object.assign(this, { id, source, score, box, joints });
  }

  has(joint, minimum = 0) {
    const score = this.joints[3 * joint + 2];
    return score > 0 && score >= minimum;
  }

  get hasJoints() {
    for (let at = 2; at < this.joints.length; at += 3) if (this.joints[at] > 0) return true;
    return false;
  }

  joint(joint) { return [this.joints[3 * joint], this.joints[3 * joint + 1]]; }
}

/** The frames of a block: for each an array of PersonRecords, or null without a record. See `PackedRecords.block`. */
function parseBlock(buffer, numJoints) {
  const [numFrames, numPeople] = new Int32Array(buffer, 0, 2);
  let at = 8;
  const take = (Type, length) => {
    const array = new Type(buffer, at, length);
    at += 4 * length;
    return array;
  };
  const counts = take(Int32Array, numFrames), ids = take(Int32Array, numPeople), sources = take(Int32Array, numPeople);
  const scores = take(Float32Array, numPeople), boxes = take(Float32Array, 4 * numPeople);
  const joints = take(Float32Array, 3 * numJoints * numPeople);
  const frames = [];
  let row = 0;
  for (const count of counts) {
    if (count < 0) { frames.push(null); continue; }
    const people = [];
    for (const end = row + count; row < end; row++) {
      const triples = joints.subarray(3 * numJoints * row, 3 * numJoints * (row + 1));
      people.push(new PersonRecord(ids[row], sources[row], scores[row], boxes.subarray(4 * row, 4 * row + 4), triples));
    }
    frames.push(people);
  }
  return frames;
}

/** The records of one result. `onLoad` is called with each block that has arrived. */
export class Records {
  #blocks = new Map(); // in order of their last use
  #waiting = new Map();
  #revision = 0;

  constructor(source, number, skeleton, blockFrames, onLoad) {
    Object.assign(this, { source, number, skeleton, blockFrames, onLoad });
  }

  /** The people at a position; null without a record; undefined while they are being loaded. */
  at(position) {
    const block = Math.floor(position / this.blockFrames);
    const frames = this.#blocks.get(block);
    if (!frames) { this.load(block); return undefined; }
    return frames[position % this.blockFrames] ?? null;
  }

  person(position, id) { return this.at(position)?.find((person) => person.id === id); }

  load(block) {
    if (this.#blocks.has(block)) {
      const frames = this.#blocks.get(block);
      this.#blocks.delete(block);
      this.#blocks.set(block, frames);
      return Promise.resolve();
    }
    if (!this.#waiting.has(block)) this.#waiting.set(block, this.#fetch(block));
    return this.#waiting.get(block);
  }

  async #fetch(block) {
    const revision = this.#revision;
    try {
      const frames = parseBlock(await this.source.block(this.number, block), this.skeleton.joints.length);
      if (revision !== this.#revision) return;
      this.#blocks.set(block, frames);
      if (this.#blocks.size > MAX_BLOCKS) this.#blocks.delete(this.#blocks.keys().next().value);
      this.onLoad(block);
    } finally {
      if (revision === this.#revision) this.#waiting.delete(block);
    }
  }

  /** Forget all blocks, which an edit has changed, once those on screen are there anew. */
  async renew(position) {
    this.#revision++;
    this.#waiting.clear();
    const block = Math.floor(position / this.blockFrames);
    const frames = parseBlock(await this.source.block(this.number, block), this.skeleton.joints.length);
    this.#blocks.clear();
    this.#blocks.set(block, frames);
    this.onLoad(block);
  }
}
