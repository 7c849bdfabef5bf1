// The groups of pictures one below another; only what has changed is touched.

import {element} from './shared/words.js';
import {singleKeys} from './single_keys.js';
import {captionOf, closeTile, makeTile} from './tile.js';

const NOTES = {
  duplicates: 'Copies and near duplicates of photos that are there already.',
};

export class Groups {
  #root;
  #actions;
  #sections = new Map();
  #tiles = new Map();
  #told = new Map(); // what the server said of each picture, as JSON

  /** `actions` has `selectGroup(group)` and `accept(group)`. */
  constructor(root, actions) {
    this.#root = root;
    this.#actions = actions;
  }

  /** The ids of all pictures in the order in which they are shown. */
  order = [];

  tile(id) {
    return this.#tiles.get(id);
  }

  tiles() {
    return this.order.map((id) => this.#tiles.get(id));
  }

  /** Shows groups as the server gives them. */
  update(groups) {
    const known = new Set(groups.map(nameOf));
    for (const [id, section] of this.#sections) {
      if (known.has(id)) continue;
      section.node.remove();
      this.#sections.delete(id);
    }
    const told = new Map(groups.flatMap((group) => group.pictures.map((picture) => [picture.id, JSON.stringify(picture)])));
    for (const [id, tile] of this.#tiles) {
      if (told.get(id) === this.#told.get(id)) continue;
      closeTile(tile);
      tile.remove();
      this.#tiles.delete(id);
    }
    groups.forEach((group, index) => {
      const section = this.#sections.get(nameOf(group)) ?? this.#make(group);
      this.#fill(section, group);
      if (this.#root.children[index] !== section.node) this.#root.insertBefore(section.node, this.#root.children[index] ?? null);
    });
    this.order = [...told.keys()];
    this.#told = told;
  }

  #make(group) {
    const node = element('section', undefined, 'group');
    const head = element('div', undefined, 'group-head');
    const title = element('h2');
    const [name, count] = [element('bdi', group.title), element('span')];
    title.append(name, ' ', count);
    title.id = `group-${group.id}-${group.kind}`;
    const whole = button('Select all', 'whole', () => this.#actions.selectGroup(section.group));
    head.append(title, whole);
    const accept = button('', 'accept', () => this.#actions.accept(section.group));
    head.append(accept);
    const list = element('div', undefined, group.kind === 'duplicates' ? 'tiles pairs' : 'tiles');
    list.role = 'listbox';
    list.ariaMultiSelectable = 'true';
    list.setAttribute('aria-labelledby', title.id);
    node.setAttribute('aria-labelledby', title.id);
    node.append(head);
    if (NOTES[group.kind]) node.append(element('p', NOTES[group.kind], 'group-note'));
    node.append(list);
    const section = {node, list, count, accept, group};
    this.#sections.set(nameOf(group), section);
    return section;
  }

  #fill(section, group) {
    section.group = group;
    section.count.textContent = group.pictures.length === 1 ? '1 picture' : `${group.pictures.length.toLocaleString('en')} pictures`;
    const offer = offerOf(group);
    section.accept.hidden = !offer;
    const text = singleKeys() ? `${offer} (A)` : offer;
    if (section.accept.textContent !== text) section.accept.textContent = text;
    section.accept.ariaKeyShortcuts = singleKeys() ? 'A' : null;
    const {list, node} = section;
    const {pictures} = group;
    node.style.setProperty('--count', pictures.length * (group.kind === 'duplicates' ? 2 : 1));
    node.style.setProperty('--lines', Math.max(...pictures.map((picture) => (picture.twin ? 2 : captionOf(picture).length))));
    pictures.forEach((picture, index) => {
      let tile = this.#tiles.get(picture.id);
      if (!tile) this.#tiles.set(picture.id, tile = makeTile(picture));
      if (list.children[index] !== tile) list.insertBefore(tile, list.children[index] ?? null);
    });
  }
}

/** Groups that are made again may have ids of others. */
const nameOf = (group) => `${group.id} ${group.kind} ${group.title}`;

/** What accepting a group does, as the text of its button; empty if nothing is suggested. */
export function offerOf(group) {
  if (group.kind === 'duplicates') return 'All into the bin';
  const labels = new Set(group.pictures.map((picture) => labelOf(picture, group)));
  if (labels.size === 1) return labels.has(null) ? '' : `All into ${[...labels][0]}`;
  return 'Accept suggestions';
}

/** The label that accepting a group gives a picture; null if none is suggested. */
export const labelOf = (picture, group) => picture.said ?? picture.suggested ?? group.label;

function button(text, kind, action) {
  const node = element('button', text, kind);
  node.type = 'button';
  node.onclick = action;
  return node;
}
