// Angles and speeds of people, which the program computes, loaded when a curve needs them.

/** Those of one result. `onLoad` is called when those of a person have arrived, `onError` with what went wrong. */
export class Measures {
  #people = new Map(); // by id: {quantity: {name: [value or null]}}, and the index of each position; null while loading
  #revision = 0;

  constructor(source, number, onLoad, onError) {
    Object.assign(this, { source, number, onLoad, onError });
  }

  /** The value of an angle or a speed at a position; null where it is not known or still being loaded. */
  at(id, quantity, name, position) {
    if (!this.#people.has(id)) this.#load(id);
    const measures = this.#people.get(id);
    return measures?.[quantity][name]?.[measures.places.get(position)] ?? null;
  }

  /** Forget all, which an edit has changed. */
  renew() {
    this.#revision++;
    this.#people.clear();
  }

  async #load(id) {
    const revision = this.#revision;
    this.#people.set(id, null);
    try {
      const measures = await this.source.measures(this.number, id);
      if (revision !== this.#revision) return;
      const places = new Map(measures.positions.map((position, place) => [position, place]));
      this.#people.set(id, { ...measures, places });
      this.onLoad();
    } catch (error) {
      if (revision === this.#revision) this.onError(error);
    }
  }
}
