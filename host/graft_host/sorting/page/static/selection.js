// Which pictures are selected, and which one has the frame that keys act on.

export class Selection {
  #groups;
  #changed;
  #ids = new Set();
  #anchor = null;

  /** `changed` is called after each change. */
  constructor(groups, changed) {
    this.#groups = groups;
    this.#changed = changed;
  }

  /** The id of the picture with the frame; null if there is none. */
  current = null;

  get size() {
    return this.#ids.size;
  }

  has(id) {
    return this.#ids.has(id);
  }

  /** The selected ids in the order in which they are shown. */
  ids() {
    return this.#groups.order.filter((id) => this.#ids.has(id));
  }

  only(id) {
    this.#anchor = id;
    this.#set(new Set([id]));
  }

  toggle(id) {
    this.#anchor = id;
    const ids = new Set(this.#ids);
    if (!ids.delete(id)) ids.add(id);
    this.#set(ids);
  }

  /** Selects from the picture that was chosen last to this one. */
  reach(id) {
    const {order} = this.#groups;
    const ends = [order.indexOf(this.#anchor ?? this.current ?? id), order.indexOf(id)].sort((a, b) => a - b);
    this.#anchor ??= this.current;
    this.#set(new Set(order.slice(Math.max(ends[0], 0), ends[1] + 1)));
  }

  /** Selects these pictures alone. */
  all(ids) {
    this.#set(new Set(ids));
  }

  clear() {
    this.#anchor = null;
    this.#set(new Set());
  }

  /** Gives a picture the frame; `focused` moves the keyboard's focus there, too. */
  frame(id, focused = true) {
    const before = this.#groups.tile(this.current);
    const tile = this.#groups.tile(id);
    before?.classList.remove('current');
    if (before) before.tabIndex = -1;
    this.current = tile ? id : null;
    if (!tile) return;
    tile.classList.add('current');
    tile.tabIndex = 0;
    if (focused) tile.focus();
  }

  /** Forgets pictures that are no longer shown. */
  settle() {
    const shown = new Set(this.#groups.order);
    if (!shown.has(this.#anchor)) this.#anchor = null;
    this.#set(new Set([...this.#ids].filter((id) => shown.has(id))));
    for (const id of this.#ids) this.#groups.tile(id).ariaSelected = 'true'; // it may be made again
    this.frame(shown.has(this.current) ? this.current : this.#groups.order[0] ?? null, false);
  }

  /** The picture above or below the one with the frame, in another row; null if there is none. */
  across(step) {
    const {order} = this.#groups;
    const start = this.#groups.tile(this.current)?.getBoundingClientRect();
    if (!start) return null;
    let found = null;
    let row = null;
    for (let place = order.indexOf(this.current) + step; place >= 0 && place < order.length; place += step) {
      const box = this.#groups.tile(order[place]).getBoundingClientRect();
      if (Math.abs(box.top - start.top) < 4) continue;
      row ??= box.top;
      if (Math.abs(box.top - row) >= 4) break;
      const away = Math.abs(box.left - start.left);
      if (!found || away < found.away) found = {id: order[place], away};
    }
    return found?.id ?? null;
  }

  #set(ids) {
    for (const id of new Set([...this.#ids, ...ids])) {
      if (this.#ids.has(id) !== ids.has(id) && this.#groups.tile(id)) this.#groups.tile(id).ariaSelected = String(ids.has(id));
    }
    this.#ids = ids;
    this.#changed();
  }
}
