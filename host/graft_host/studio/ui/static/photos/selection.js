// Which photos are selected, over all classes.

export class Selection {
  #changed;
  #ids = new Set();

  /** `changed` is called after each change. */
  constructor(changed) {
    this.#changed = changed;
  }

  /** The id from which Shift selects. */
  anchor = null;

  get size() {
    return this.#ids.size;
  }

  has(id) {
    return this.#ids.has(id);
  }

  /** The selected ids, in the order of `lists` of ids. */
  ids(lists) {
    return this.size ? lists.flatMap((list) => list.filter((id) => this.#ids.has(id))) : [];
  }

  only(id) {
    this.anchor = id;
    this.#set(new Set([id]));
  }

  toggle(id) {
    this.anchor = id;
    const ids = new Set(this.#ids);
    if (!ids.delete(id)) ids.add(id);
    this.#set(ids);
  }

  /** Selects from the anchor to this photo in a list; without an anchor there, from `start`. */
  reach(list, id, start) {
    if (!list.includes(this.anchor)) this.anchor = start;
    const [first, last] = [list.indexOf(this.anchor), list.indexOf(id)].sort((a, b) => a - b);
    this.#set(new Set(list.slice(Math.max(first, 0), last + 1)));
  }

  all(ids) {
    this.#set(new Set(ids));
  }

  clear() {
    this.anchor = null;
    if (this.size) this.#set(new Set());
  }

  /** Forgets photos that are no longer there. */
  settle(lists) {
    if (this.size) this.#set(new Set(this.ids(lists)));
  }

  #set(ids) {
    this.#ids = ids;
    this.#changed();
  }
}
