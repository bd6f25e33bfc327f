// The images of the video, each known by the position of its record.

const KEPT_BYTES = 400e6; // of decoded images
const AHEAD = 8;
const TIME_TOLERANCE = 0.005; // seconds between a record and the frame that the browser says it shows
const MAX_REQUESTS = 3; // at a time

/**
 * Images from the server, one by one: each is that of its record, whatever the browser can play. To play them in time it
 * also has the video itself, where the browser plays that.
 */
export class ServedFrames {
  #images = new Map();
  #waiting = new Set();
  #milliseconds = 20; // for one image
  #wanted = 0;
  #stride = 1;

  constructor(source, content, onReady) {
    this.source = source;
    this.length = content.frames.length;
    this.kept = Math.max(24, Math.floor(KEPT_BYTES / (4 * content.width * content.height)));
    this.onReady = onReady;
    this.player = content.playable ? new PlayedFrames("video", content, () => {}) : null;
  }

  get canPlay() { return Boolean(this.player?.canPlay); }

  /** The image at a position; null while it is being loaded; undefined where it is missing. */
  get(position) {
    if (this.player?.playing && this.player.get(position)) return this.player.get(position);
    const image = this.#images.get(position);
    return image === undefined ? (this.#images.has(position) ? undefined : null) : image;
  }

  /** Load an image, then those that follow in steps of `stride`. */
  want(position, stride = 1) {
    [this.#wanted, this.#stride] = [position, stride];
    for (let n = 0; n <= AHEAD; n++) {
      const next = position + n * stride;
      const free = n === 0 || this.#waiting.size < MAX_REQUESTS;
      if (free && next < this.length && !this.#images.has(next) && !this.#waiting.has(next)) this.#load(next);
    }
  }

  /** Every how many frames can be shown when `perSecond` of them should be. */
  stride(perSecond) { return Math.max(1, Math.ceil((this.#milliseconds * perSecond) / 1000)); }

  async #load(position) {
    this.#waiting.add(position);
    const start = performance.now();
    let image;
    try {
      image = await this.source.image(position);
    } catch {
      image = undefined;
    }
    this.#waiting.delete(position);
    this.#images.set(position, image);
    this.#milliseconds += 0.1 * ((performance.now() - start) / (this.#waiting.size + 1) - this.#milliseconds);
    if (this.#images.size > this.kept) this.#forget();
    this.onReady(position);
    this.want(this.#wanted, this.#stride);
  }

  #forget() {
    const farthest = [...this.#images.keys()].reduce((a, b) => (this.#distance(a) > this.#distance(b) ? a : b));
    this.#images.get(farthest)?.close();
    this.#images.delete(farthest);
  }

  /** Images behind the wanted one are less needed than those ahead. */
  #distance(position) {
    const ahead = position - this.#wanted;
    return ahead >= 0 ? ahead : -2 * ahead;
  }
}

/** Images of a video that the browser plays: those of an exported page. */
export class PlayedFrames {
  canPlay = false; // once the browser has its first frame
  playing = false;
  #shown = -1;
  #target = null;

  constructor(address, content, onReady) {
    this.seconds = content.seconds.map((seconds) => seconds - content.seconds[0]);
    this.length = this.seconds.length;
    this.onReady = onReady;
    this.video = document.createElement("video");
    Object.assign(this.video, { muted: true, preload: "auto", playsInline: true, src: address });
    this.video.addEventListener("seeked", () => this.#arrived());
    this.video.addEventListener("loadeddata", () => { this.canPlay = true; this.#seek(); });
    this.video.addEventListener("error", () => { this.canPlay = false; });
  }

  get(position) { return position === this.#shown ? this.video : null; }
  stride() { return 1; }

  want(position) {
    if (position === this.#shown && this.#target === null) return;
    const busy = this.#target !== null;
    this.#target = position;
    if (!busy) this.#seek();
  }

  /** Play on from a position; `onFrame` gets the position of each frame as it is shown. */
  play(position, speed, onFrame) {
    this.playing = true;
    this.video.playbackRate = speed;
    if (position !== this.#shown) this.video.currentTime = this.seconds[position] + 1e-4;
    const next = (now, { mediaTime }) => {
      if (!this.playing) return;
      this.#shown = this.#positionAt(mediaTime);
      if (Math.abs(this.seconds[this.#shown] - mediaTime) > TIME_TOLERANCE) { this.canPlay = false; this.pause(); }
      onFrame(this.#shown);
      this.video.requestVideoFrameCallback(next);
    };
    this.video.requestVideoFrameCallback(next);
    this.video.play().catch(() => { this.canPlay = false; });
  }

  pause() {
    if (this.playing) this.#shown = -1; // the video may be ahead of the frame that it told of
    this.playing = false;
    this.video.pause();
  }

  get ended() { return this.video.ended; }

  /** To the middle of the frame, where rounding cannot reach another. */
  #seek() {
    if (this.#target === null || this.video.readyState < 1) return;
    const start = this.seconds[this.#target];
    const end = this.seconds[this.#target + 1] ?? this.video.duration;
    this.video.currentTime = (start + Math.max(start, end)) / 2;
  }

  #arrived() {
    if (this.#target === null) return;
    const position = this.#positionAt(this.video.currentTime);
    if (position !== this.#target) { this.#seek(); return; }
    this.#shown = position;
    this.#target = null;
    this.onReady(position);
  }

  /** The frame that is shown at a time. */
  #positionAt(time) {
    let low = 0, high = this.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.seconds[middle] <= time + 1e-3) low = middle; else high = middle - 1;
    }
    return low;
  }
}
