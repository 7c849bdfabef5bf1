// The photos of a class in rows, of which only those in sight are on the page, so that 20,000 stay quick.

import {thumbnail} from '/static/media.js';
import {element} from './words.js';

const SMALLEST = 84; // pixels of a tile
const GAP = 6;
const AHEAD = 2; // rows above and below what is in sight
const SETTLED_MS = 120; // after the last fast scroll, thumbnails are loaded

let made = 0; // tiles, for their ids

export class Grid {
  ids = [];
  current = 0; // place of the photo with the frame
  #versions = [];
  #places = null; // id to place
  #tiles = new Map(); // id to tile
  #selection;
  #t;
  #columns = 1;
  #side = SMALLEST;
  #sizer = element('div', undefined, 'photos-sizer');
  #waiting = 0;
  #settling = 0;
  #top = 0;

  constructor(selection, t) {
    this.#selection = selection;
    this.#t = t;
    this.root = element('div', undefined, 'photos-grid');
    this.root.role = 'listbox';
    this.root.ariaMultiSelectable = 'true';
    this.root.tabIndex = 0;
    this.#sizer.role = 'presentation';
    this.root.append(this.#sizer);
    this.root.addEventListener('scroll', () => this.#scrolled(), {passive: true});
    this.root.addEventListener('focus', () => this.#render());
    this.#resizes.observe(this.root);
  }

  #resizes = new ResizeObserver(() => this.#layOut());

  /** Shows these photos; the frame stays on its photo, or on its place if the photo is gone. */
  update(ids, versions) {
    const before = this.ids[this.current];
    this.ids = ids;
    this.#versions = versions;
    this.#places = null;
    const place = before === undefined ? 0 : this.placeOf(before);
    this.current = Math.max(0, place ?? Math.min(this.current, ids.length - 1));
    this.root.hidden = !ids.length;
    for (const [id, tile] of this.#tiles) if (this.placeOf(id) === undefined) this.#drop(id, tile);
    this.#layOut();
  }

  placeOf(id) {
    this.#places ??= new Map(this.ids.map((one, place) => [one, place]));
    return this.#places.get(id);
  }

  versionOf(id) {
    return this.#versions[this.placeOf(id)];
  }

  /** Photos in a row. */
  get columns() {
    return this.#columns;
  }

  /** Photos that fit below each other in sight. */
  get rowsInSight() {
    return Math.max(1, Math.floor(this.root.clientHeight / this.#pitch));
  }

  get currentId() {
    return this.ids[this.current];
  }

  /** Moves the frame to a place, and scrolls there. */
  go(place) {
    if (!this.ids.length) return;
    this.current = Math.max(0, Math.min(place, this.ids.length - 1));
    const top = Math.floor(this.current / this.#columns) * this.#pitch;
    const {scrollTop, clientHeight} = this.root;
    if (top < scrollTop) this.root.scrollTop = top;
    else if (top + this.#pitch > scrollTop + clientHeight) this.root.scrollTop = top + this.#pitch - clientHeight;
    this.#render();
  }

  /** Shows what is selected. */
  mark() {
    for (const [id, tile] of this.#tiles) tile.ariaSelected = String(this.#selection.has(id));
  }

  close() {
    this.#resizes.disconnect();
  }

  get #pitch() {
    return this.#side + GAP;
  }

  #layOut() {
    const width = this.#sizer.clientWidth;
    if (!width) return; // hidden
    this.#columns = Math.max(1, Math.floor((width + GAP) / (SMALLEST + GAP)));
    this.#side = Math.floor((width + GAP) / this.#columns) - GAP;
    this.#sizer.style.height = `${Math.ceil(this.ids.length / this.#columns) * this.#pitch}px`;
    this.#render();
  }

  #scrolled() {
    const fast = Math.abs(this.root.scrollTop - this.#top) > this.root.clientHeight;
    this.#top = this.root.scrollTop;
    if (fast || this.#settling) {
      clearTimeout(this.#settling);
      this.#settling = setTimeout(() => {
        this.#settling = 0;
        this.#load();
      }, SETTLED_MS);
    }
    this.#waiting ||= requestAnimationFrame(() => {
      this.#waiting = 0;
      this.#render();
    });
  }

  #render() {
    const {scrollTop, clientHeight} = this.root;
    const first = Math.max(0, (Math.floor(scrollTop / this.#pitch) - AHEAD) * this.#columns);
    const last = Math.min(this.ids.length, (Math.ceil((scrollTop + clientHeight) / this.#pitch) + AHEAD) * this.#columns);
    const wanted = new Set(this.ids.slice(first, last));
    if (this.ids.length) wanted.add(this.currentId); // it has the keyboard's focus
    for (const [id, tile] of this.#tiles) if (!wanted.has(id)) this.#drop(id, tile);
    for (const id of wanted) this.#place(id);
    this.#frame();
    if (!this.#settling) this.#load();
  }

  #place(id) {
    let tile = this.#tiles.get(id);
    if (!tile) {
      tile = this.#make(id);
      this.#tiles.set(id, tile);
      this.#sizer.append(tile);
    }
    const place = this.placeOf(id);
    const [x, y] = [(place % this.#columns) * this.#pitch, Math.floor(place / this.#columns) * this.#pitch];
    tile.style.transform = `translate(${x}px, ${y}px)`;
    tile.style.width = tile.style.height = `${this.#side}px`;
    tile.setAttribute('aria-setsize', this.ids.length);
    tile.setAttribute('aria-posinset', place + 1);
  }

  #make(id) {
    const tile = element('div', undefined, 'photos-tile');
    tile.id = `photos-tile-${made += 1}`;
    tile.dataset.id = id;
    tile.role = 'option';
    tile.ariaSelected = String(this.#selection.has(id));
    tile.ariaLabel = id.split('/').pop();
    tile.title = tile.ariaLabel;
    tile.draggable = true;
    return tile;
  }

  /** Loads thumbnails of tiles that have none, or one of an older version. */
  #load() {
    for (const [id, tile] of this.#tiles) {
      const address = thumbnail(id, this.versionOf(id));
      if (tile.dataset.address === address) continue;
      tile.dataset.address = address;
      const image = new Image();
      image.alt = '';
      image.draggable = false;
      image.decoding = 'async';
      image.onerror = () => tile.replaceChildren(element('span', this.#t('unreadable'), 'photos-missing'));
      image.src = address;
      tile.replaceChildren(image);
    }
  }

  #drop(id, tile) {
    tile.querySelector('img')?.removeAttribute('src'); // so that it is no longer loaded
    tile.remove();
    this.#tiles.delete(id);
  }

  #frame() {
    for (const [id, tile] of this.#tiles) tile.classList.toggle('current', id === this.currentId);
    const tile = this.#tiles.get(this.currentId);
    if (tile) this.root.setAttribute('aria-activedescendant', tile.id);
    else this.root.removeAttribute('aria-activedescendant');
  }
}
