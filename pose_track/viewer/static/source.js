// Where the page gets its content: from the server that shows it, or from the file itself.

/** The server that this page came from. Paths are relative, so that the token stays in the address. */
export class ServerSource {
  video = null;

  content() { return this.#json("content"); }
  people(result) { return this.#json(`people/${result}`); }
  differences(pixels) { return this.#json(`differences/${pixels}`); }
  marks() { return this.#json("marks"); }
  measures(result, person) { return this.#json(`measures/${result}/${person}`); }

  async block(result, block) { return (await this.#get(`blocks/${result}/${block}`)).arrayBuffer(); }
  async image(position) { return createImageBitmap(await (await this.#get(`images/${position}`)).blob()); }

  /** The address of a person's picture. */
  async thumbnail(result, person) {
    return URL.createObjectURL(await (await this.#get(`thumbnails/${result}/${person.id}`)).blob());
  }

  /** Apply an edit; {op: "undo"} and {op: "redo"} are edits too. Throws an Error with the server's message. */
  async edit(values) {
    const request = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(values) };
    return (await this.#get("edits", request)).json();
  }

  async #json(path) { return (await this.#get(path)).json(); }

  async #get(path, request) {
    let response;
    try {
      response = await fetch(path, request);
    } catch {
      throw new Error("pose-track view has ended; start it again, your edits are kept");
    }
    if (!response.ok) throw new Error((await response.json()).error);
    return response;
  }
}

/** What `pose-track view --export` wrote into this file. */
export class EmbeddedSource {
  #data;

  constructor(data) {
    this.#data = data;
    this.video = data.video;
  }

  async content() { return this.#data.content; }
  async people(result) { return this.#data.people[result]; }
  async differences() { return this.#data.differences; }
  async marks() { return this.#data.marks; }
  async measures(result, person) { return this.#data.measures[result][person]; }
  async block(result, block) {
    return Uint8Array.from(atob(this.#data.blocks[result][block]), (letter) => letter.charCodeAt(0)).buffer;
  }
  async thumbnail(result, person) { return person.thumbnail; }
}

export function openSource() {
  const embedded = document.getElementById("embedded");
  return embedded ? new EmbeddedSource(JSON.parse(embedded.textContent)) : new ServerSource();
}
